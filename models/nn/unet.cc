#include "models/nn/unet.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>

#include <algorithm>
#include <string>
#include <utility>

namespace cascade::nn {

at::Tensor BlockSequence::forward(const at::Tensor& x,
                                  const at::Tensor& embedding) {
  at::Tensor h = x;
  for (const Step& step : steps_) {
    if (step.conv) h = step.conv->forward(h);
    if (step.res) h = step.res->forward(h, embedding);
    if (step.attention) h = step.attention->forward(h);
    if (step.down) h = step.down->forward(h);
    if (step.up) h = step.up->forward(h);
  }
  return h;
}

UNet::UNet(const UNetConfig& config)
    : config_(config), embedding_width_(4 * config.model_channels) {
  time_embed_ = register_module(
      "time_embed", std::make_shared<TimestepEmbedding>(config.model_channels,
                                                        embedding_width_));
  if (config.num_classes > 0) {
    label_emb_ = register_module(
        "label_emb", std::make_shared<Embedding>(
                         config.num_classes + (config.null_class ? 1 : 0),
                         embedding_width_));
  }
  if (config.augmentation_embedding) {
    aug_embed_ = register_module(
        "aug_embed", std::make_shared<TimestepEmbedding>(config.model_channels,
                                                         embedding_width_));
    aug_embed_->ZeroInit();
  }

  std::vector<int64_t> skip_channels = BuildInputBlocks();

  const int64_t middle_channels = skip_channels.back();
  middle_block_ =
      register_module("middle_block", std::make_shared<BlockSequence>());
  middle_block_->Append(MakeResBlock(middle_channels, middle_channels));
  middle_block_->Append(MakeAttention(middle_channels));
  middle_block_->Append(MakeResBlock(middle_channels, middle_channels));

  BuildOutputBlocks(std::move(skip_channels));

  auto out = register_module("out", std::make_shared<ModuleGroup>());
  out_norm_ = out->Add("0", std::make_shared<GroupNorm>(
                                config.norm_groups, config.level_channels(0)));
  out_conv_ = out->Add("2", std::make_shared<Conv2d>(config.level_channels(0),
                                                     config.out_channels, 3));
  out_conv_->ZeroInit();
}

std::shared_ptr<ResBlock> UNet::MakeResBlock(int64_t in_channels,
                                             int64_t out_channels,
                                             Resampling resampling) const {
  return std::make_shared<ResBlock>(
      ResBlock::Options{.in_channels = in_channels,
                        .out_channels = out_channels,
                        .embedding_width = embedding_width_,
                        .norm_groups = config_.norm_groups,
                        .scale_shift_norm = config_.scale_shift_norm,
                        .resampling = resampling,
                        .dropout = config_.dropout});
}

std::shared_ptr<AttentionBlock> UNet::MakeAttention(int64_t channels) const {
  return std::make_shared<AttentionBlock>(channels, config_.heads(channels),
                                          config_.attention_order,
                                          config_.norm_groups);
}

bool UNet::AttendsAt(int downsampling) const {
  const auto& factors = config_.attention_downsampling;
  return std::find(factors.begin(), factors.end(), downsampling) !=
         factors.end();
}

std::vector<int64_t> UNet::BuildInputBlocks() {
  auto group = register_module("input_blocks", std::make_shared<ModuleGroup>());
  const auto append = [&] {
    input_blocks_.push_back(group->Add(std::to_string(input_blocks_.size()),
                                       std::make_shared<BlockSequence>()));
    return input_blocks_.back();
  };

  const int64_t in_channels =
      config_.image_channels * (config_.super_resolution ? 2 : 1);
  int64_t channels = config_.level_channels(0);
  append()->Append(std::make_shared<Conv2d>(in_channels, channels, 3));
  std::vector<int64_t> skip_channels = {channels};

  const int levels = static_cast<int>(config_.channel_mult.size());
  for (int level = 0; level < levels; ++level) {
    for (int i = 0; i < config_.num_res_blocks; ++i) {
      auto block = append();
      const int64_t out_channels = config_.level_channels(level);
      block->Append(MakeResBlock(channels, out_channels));
      channels = out_channels;
      if (AttendsAt(1 << level)) block->Append(MakeAttention(channels));
      skip_channels.push_back(channels);
    }
    if (level + 1 == levels) break;
    if (config_.resblock_updown) {
      append()->Append(MakeResBlock(channels, channels, Resampling::kDown));
    } else {
      append()->Append(
          std::make_shared<Downsample>(channels, config_.conv_resample));
    }
    skip_channels.push_back(channels);
  }
  return skip_channels;
}

void UNet::BuildOutputBlocks(std::vector<int64_t> skip_channels) {
  auto group =
      register_module("output_blocks", std::make_shared<ModuleGroup>());
  int64_t channels = skip_channels.back();
  for (int level = static_cast<int>(config_.channel_mult.size()) - 1;
       level >= 0; --level) {
    for (int i = 0; i <= config_.num_res_blocks; ++i) {
      auto block = group->Add(std::to_string(output_blocks_.size()),
                              std::make_shared<BlockSequence>());
      output_blocks_.push_back(block);
      const int64_t out_channels = config_.level_channels(level);
      block->Append(
          MakeResBlock(channels + skip_channels.back(), out_channels));
      skip_channels.pop_back();
      channels = out_channels;
      if (AttendsAt(1 << level)) block->Append(MakeAttention(channels));
      if (level == 0 || i < config_.num_res_blocks) continue;
      if (config_.resblock_updown) {
        block->Append(MakeResBlock(channels, channels, Resampling::kUp));
      } else {
        block->Append(
            std::make_shared<Upsample>(channels, config_.conv_resample));
      }
    }
  }
}

at::Tensor UNet::Embed(const UNetInput& input) {
  at::Tensor embedding = time_embed_->forward(input.timestep);
  if (label_emb_) {
    TORCH_CHECK(input.class_id.defined(), "the U-Net needs a class_id");
    embedding = embedding + label_emb_->forward(input.class_id);
  }
  if (aug_embed_) {
    TORCH_CHECK(input.augmentation.defined(), "the U-Net needs augmentation");
    embedding = embedding + aug_embed_->forward(input.augmentation);
  }
  return embedding;
}

at::Tensor UNet::forward(const UNetInput& input) {
  const at::Tensor embedding = Embed(input);
  at::Tensor h = input.x;
  if (config_.super_resolution) {
    TORCH_CHECK(input.low_res.defined(), "the U-Net needs low_res");
    h = at::cat({h, input.low_res}, 1);
  }

  std::vector<at::Tensor> skips;
  skips.reserve(input_blocks_.size());
  for (const auto& block : input_blocks_) {
    h = block->forward(h, embedding);
    skips.push_back(h);
  }
  h = middle_block_->forward(h, embedding);
  for (const auto& block : output_blocks_) {
    h = block->forward(at::cat({h, skips.back()}, 1), embedding);
    skips.pop_back();
  }
  return out_conv_->forward(at::silu(out_norm_->forward(h.to(at::kFloat))))
      .to(at::kFloat);
}

}  // namespace cascade::nn
