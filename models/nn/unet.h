#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/nn/attention_block.h"
#include "models/nn/layers.h"
#include "models/nn/module_group.h"
#include "models/nn/res_block.h"
#include "models/nn/resample.h"
#include "models/nn/timestep_embedding.h"
#include "models/nn/unet_config.h"

namespace cascade::nn {

// What one evaluation of a U-Net reads. Tensors that the network has no use for
// stay undefined.
struct UNetInput {
  at::Tensor x;             // [batch, image_channels, size, size]
  at::Tensor timestep;      // [batch], float, in the training's units.
  at::Tensor class_id;      // [batch], int64; num_classes is the null class.
  at::Tensor low_res;       // As x: the enlarged low-resolution image.
  at::Tensor augmentation;  // [batch], float: the augmentation's timestep.
};

// One numbered entry of input_blocks, middle_block or output_blocks: up to
// three modules that run one after the other.
class BlockSequence : public ModuleGroup {
 public:
  template <typename T>
  void Append(std::shared_ptr<T> module) {
    steps_.push_back(Step(Add(std::to_string(steps_.size()), module)));
  }
  at::Tensor forward(const at::Tensor& x, const at::Tensor& embedding);

 private:
  struct Step {
    explicit Step(std::shared_ptr<Conv2d> m) : conv(std::move(m)) {}
    explicit Step(std::shared_ptr<ResBlock> m) : res(std::move(m)) {}
    explicit Step(std::shared_ptr<AttentionBlock> m)
        : attention(std::move(m)) {}
    explicit Step(std::shared_ptr<Downsample> m) : down(std::move(m)) {}
    explicit Step(std::shared_ptr<Upsample> m) : up(std::move(m)) {}

    // One is set.
    std::shared_ptr<Conv2d> conv;
    std::shared_ptr<ResBlock> res;
    std::shared_ptr<AttentionBlock> attention;
    std::shared_ptr<Downsample> down;
    std::shared_ptr<Upsample> up;
  };
  std::vector<Step> steps_;
};

// The guided-diffusion U-Net, with its published state-dict keys: time_embed,
// label_emb, input_blocks, middle_block, output_blocks, out. Our own addition,
// aug_embed.{0,2}, embeds the augmentation level as time_embed does the
// timestep, and is added to it.
//
// Not thread-safe in training; forward() without gradients may run on several
// threads at once.
class UNet : public torch::nn::Module {
 public:
  // `config` must pass Validate().
  explicit UNet(const UNetConfig& config);

  // The raw output [batch, out_channels, size, size], float.
  at::Tensor forward(const UNetInput& input);

  const UNetConfig& config() const { return config_; }

 private:
  std::shared_ptr<ResBlock> MakeResBlock(
      int64_t in_channels, int64_t out_channels,
      Resampling resampling = Resampling::kNone) const;
  std::shared_ptr<AttentionBlock> MakeAttention(int64_t channels) const;
  bool AttendsAt(int downsampling) const;
  at::Tensor Embed(const UNetInput& input);

  // Append the levels and return the channels that come out.
  std::vector<int64_t> BuildInputBlocks();
  void BuildOutputBlocks(std::vector<int64_t> skip_channels);

  const UNetConfig config_;
  const int64_t embedding_width_;
  std::shared_ptr<TimestepEmbedding> time_embed_;
  std::shared_ptr<Embedding> label_emb_;          // Null: unconditional.
  std::shared_ptr<TimestepEmbedding> aug_embed_;  // Null: not told.
  std::vector<std::shared_ptr<BlockSequence>> input_blocks_;
  std::shared_ptr<BlockSequence> middle_block_;
  std::vector<std::shared_ptr<BlockSequence>> output_blocks_;
  std::shared_ptr<GroupNorm> out_norm_;
  std::shared_ptr<Conv2d> out_conv_;
};

}  // namespace cascade::nn
