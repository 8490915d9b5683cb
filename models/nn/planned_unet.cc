#include "models/nn/planned_unet.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>

#include <algorithm>
#include <string>
#include <utility>

#include "models/nn/resampled.h"

namespace cascade::nn {

// Walks the U-Net as its constructor did.
class PlannedUNet::Builder {
 public:
  Builder(const UNet& unet, const PlanLayers& layers, at::Device device,
          PlannedUNet& plan)
      : parameters_(unet.named_parameters()),
        layers_(layers),
        device_(device),
        config_(plan.config_),
        plan_(plan) {}

  void Build() {
    BuildEmbeddings();
    BuildInputBlocks();
    const std::string middle = "middle_block.";
    plan_.middle_block_ = {Res(middle + "0", Resampling::kNone),
                           Attention(middle + "1"),
                           Res(middle + "2", Resampling::kNone)};
    BuildOutputBlocks();
    MergeEmbeddings();
    plan_.output_ =
        Counted(layers_.MakeOutput(WeightsOf("out"), config_.norm_groups));
  }

 private:
  at::Tensor Get(const std::string& key) const {
    TORCH_CHECK(parameters_.contains(key), "the U-Net has no ", key);
    return parameters_[key].detach();
  }
  bool Has(const std::string& key) const { return parameters_.contains(key); }
  BlockWeights WeightsOf(const std::string& block) const {
    return [this, block](const std::string& key) {
      return Get(block + "." + key);
    };
  }
  bool AttendsAt(int level) const {
    const auto& factors = config_.attention_downsampling;
    return std::find(factors.begin(), factors.end(), 1 << level) !=
           factors.end();
  }

  PlanLayer Counted(PlanLayer layer) {
    plan_.weight_bytes_ += layer.weight_bytes;
    return layer;
  }

  // A module of the plan's own, on the device.
  template <typename Module>
  std::shared_ptr<Module> Moved(std::shared_ptr<Module> module) {
    module->to(device_);
    for (const at::Tensor& parameter : module->parameters()) {
      plan_.weight_bytes_ += static_cast<int64_t>(parameter.nbytes());
    }
    return module;
  }

  // `module` with the U-Net's weights.
  template <typename Module>
  std::shared_ptr<Module> Copied(const std::string& prefix,
                                 std::shared_ptr<Module> module) {
    for (auto& parameter : module->named_parameters()) {
      parameter.value().copy_(Get(prefix + "." + parameter.key()));
    }
    return Moved(std::move(module));
  }

  void BuildEmbeddings() {
    const UninitializedScope uninitialized;
    const int64_t width = 4 * int64_t{config_.model_channels};
    const auto sinusoids = [&] {
      return std::make_shared<TimestepEmbedding>(config_.model_channels, width);
    };
    plan_.time_embed_ = Copied("time_embed", sinusoids());
    if (config_.num_classes > 0) {
      plan_.label_emb_ = Copied(
          "label_emb",
          std::make_shared<Embedding>(
              config_.num_classes + (config_.null_class ? 1 : 0), width));
    }
    if (config_.augmentation_embedding) {
      plan_.aug_embed_ = Copied("aug_embed", sinusoids());
    }
  }

  // What a block takes beyond the images at this point is a skip connection's.
  PlanLayer Res(const std::string& block, Resampling resampling) {
    const BlockWeights weights = WeightsOf(block);
    const ResBlockShape shape{
        .scale_shift_norm = config_.scale_shift_norm,
        .norm_groups = config_.norm_groups,
        .resampling = resampling,
        .has_skip_convolution = Has(block + ".skip_connection.weight"),
        .second_channels = weights("in_layers.0.weight").size(0) - channels_,
        .embedding_offset = embedding_rows_};
    embedding_weights_.push_back(weights("emb_layers.1.weight"));
    embedding_biases_.push_back(weights("emb_layers.1.bias"));
    embedding_rows_ += embedding_weights_.back().size(0);
    channels_ = weights("in_layers.2.weight").size(0);
    return Counted(
        layers_.MakeResBlock(weights, shape, PassedThrough(resampling)));
  }

  PlanLayer Attention(const std::string& block) {
    return Counted(layers_.MakeAttention(WeightsOf(block),
                                         {.heads = config_.heads(channels_),
                                          .order = config_.attention_order,
                                          .norm_groups = config_.norm_groups},
                                         downsampling_));
  }

  PlanLayer Convolution(const std::string& layer, Resampling resampling) {
    const BlockWeights weights = WeightsOf(layer);
    channels_ = weights("weight").size(0);
    return Counted(layers_.MakeConvolution(weights, resampling,
                                           PassedThrough(resampling)));
  }

  // Between two levels; `convolution` is where the block would have one.
  PlanLayer Resample(const std::string& block, const std::string& convolution,
                     Resampling resampling) {
    if (config_.resblock_updown) return Res(block, resampling);
    if (config_.conv_resample) return Convolution(convolution, resampling);
    PassedThrough(resampling);
    return {.run = [resampling](const at::Tensor& x, const at::Tensor&,
                                const at::Tensor&) {
      return Resampled(x, resampling);
    }};
  }

  // The downsampling of the images before; they are resampled afterwards.
  int64_t PassedThrough(Resampling resampling) {
    const int64_t before = downsampling_;
    if (resampling == Resampling::kDown) downsampling_ *= 2;
    if (resampling == Resampling::kUp) downsampling_ /= 2;
    return before;
  }

  void BuildInputBlocks() {
    const auto name = [this](const char* step) {
      return "input_blocks." + std::to_string(plan_.input_blocks_.size()) +
             step;
    };
    plan_.input_blocks_.push_back({Convolution(name(".0"), Resampling::kNone)});
    const int levels = static_cast<int>(config_.channel_mult.size());
    for (int level = 0; level < levels; ++level) {
      for (int i = 0; i < config_.num_res_blocks; ++i) {
        Sequence block = {Res(name(".0"), Resampling::kNone)};
        if (AttendsAt(level)) block.push_back(Attention(name(".1")));
        plan_.input_blocks_.push_back(std::move(block));
      }
      if (level + 1 == levels) break;
      plan_.input_blocks_.push_back(
          {Resample(name(".0"), name(".0.op"), Resampling::kDown)});
    }
  }

  void BuildOutputBlocks() {
    for (int level = static_cast<int>(config_.channel_mult.size()) - 1;
         level >= 0; --level) {
      for (int i = 0; i <= config_.num_res_blocks; ++i) {
        const std::string name = "output_blocks." +
                                 std::to_string(plan_.output_blocks_.size()) +
                                 ".";
        Sequence block = {Res(name + "0", Resampling::kNone)};
        if (AttendsAt(level)) block.push_back(Attention(name + "1"));
        if (level > 0 && i == config_.num_res_blocks) {
          const std::string last = name + std::to_string(block.size());
          block.push_back(Resample(last, last + ".conv", Resampling::kUp));
        }
        plan_.output_blocks_.push_back(std::move(block));
      }
    }
  }

  // One linear layer of all blocks' rows.
  void MergeEmbeddings() {
    const UninitializedScope uninitialized;
    auto merged = std::make_shared<Linear>(4 * int64_t{config_.model_channels},
                                           embedding_rows_);
    auto parameters = merged->named_parameters();
    parameters["weight"].copy_(at::cat(embedding_weights_));
    parameters["bias"].copy_(at::cat(embedding_biases_));
    plan_.block_embeddings_ = Moved(std::move(merged));
  }

  const torch::OrderedDict<std::string, at::Tensor> parameters_;
  const PlanLayers& layers_;
  const at::Device device_;
  const UNetConfig& config_;
  PlannedUNet& plan_;
  // Of the images at this point of the walk.
  int64_t downsampling_ = 1;
  int64_t channels_ = 0;
  int64_t embedding_rows_ = 0;
  std::vector<at::Tensor> embedding_weights_;
  std::vector<at::Tensor> embedding_biases_;
};

PlannedUNet::PlannedUNet(const UNet& unet, const PlanLayers& layers,
                         at::Device device, at::ScalarType dtype)
    : config_(unet.config()), dtype_(dtype) {
  const at::NoGradGuard no_grad;
  Builder(unet, layers, device, *this).Build();
}

PlannedUNet::~PlannedUNet() = default;

at::Tensor PlannedUNet::Embeddings(const UNetInput& input) const {
  at::Tensor embedding = time_embed_->forward(input.timestep);
  if (label_emb_) embedding = embedding + label_emb_->forward(input.class_id);
  if (aug_embed_) {
    embedding = embedding + aug_embed_->forward(input.augmentation);
  }
  return block_embeddings_->forward(at::silu(embedding));
}

at::Tensor PlannedUNet::Run(const UNetInput& input) const {
  const at::Tensor embeddings = Embeddings(input);
  at::Tensor h =
      config_.super_resolution ? at::cat({input.x, input.low_res}, 1) : input.x;
  h = h.to(dtype_).contiguous(at::MemoryFormat::ChannelsLast);

  const auto run = [&](const Sequence& sequence, at::Tensor second) {
    for (const PlanLayer& layer : sequence) {
      h = layer.run(std::move(h), std::exchange(second, {}), embeddings);
    }
  };
  std::vector<at::Tensor> skips;
  skips.reserve(input_blocks_.size());
  for (const Sequence& block : input_blocks_) {
    run(block, {});
    skips.push_back(h);
  }
  run(middle_block_, {});
  for (const Sequence& block : output_blocks_) {
    run(block, std::move(skips.back()));
    skips.pop_back();
  }
  return output_.run(std::move(h), {}, embeddings);
}

}  // namespace cascade::nn
