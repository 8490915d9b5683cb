#include "models/cuda/card_plan.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>

#include <algorithm>
#include <string>
#include <utility>

#include "models/cuda/card_blocks.h"

namespace cascade {
namespace {

using Parameters = torch::OrderedDict<std::string, at::Tensor>;

// Of a module's parameters, which are on the device then.
int64_t MoveTo(torch::nn::Module& module, at::Device device) {
  module.to(device);
  size_t bytes = 0;
  for (const at::Tensor& parameter : module.parameters()) {
    bytes += parameter.nbytes();
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace

// Walks the U-Net as its constructor did.
class CardPlan::Builder {
 public:
  Builder(const nn::UNet& unet, CardPlan& plan)
      : parameters_(unet.named_parameters()),
        config_(plan.config_),
        math_(plan.math_),
        plan_(plan) {}

  void Build() {
    BuildEmbeddings();
    BuildInputBlocks();
    const std::string middle = "middle_block.";
    plan_.middle_block_ = {Res(middle + "0", nn::Resampling::kNone),
                           Attention(middle + "1"),
                           Res(middle + "2", nn::Resampling::kNone)};
    BuildOutputBlocks();
    MergeEmbeddings();
    plan_.out_norm_ = Counted(std::make_unique<const CardNorm>(
        Get("out.0.weight"), Get("out.0.bias"), config_.norm_groups, math_));
    // In floats: it is small, and its output is what is told apart.
    CardMath floats = math_;
    floats.dtype = at::kFloat;
    plan_.out_conv_ = Counted(std::make_unique<const CardConv>(
        Get("out.2.weight"), Get("out.2.bias"), 1, floats));
  }

 private:
  at::Tensor Get(const std::string& key) const {
    TORCH_CHECK(parameters_.contains(key), "the U-Net has no ", key);
    return parameters_[key].detach();
  }
  bool Has(const std::string& key) const { return parameters_.contains(key); }
  CardWeights WeightsOf(const std::string& block) const {
    return [this, block](const std::string& key) {
      return Get(block + "." + key);
    };
  }
  bool AttendsAt(int level) const {
    const auto& factors = config_.attention_downsampling;
    return std::find(factors.begin(), factors.end(), 1 << level) !=
           factors.end();
  }

  template <typename Layer>
  Layer Counted(Layer layer) {
    plan_.weight_bytes_ += layer->weight_bytes();
    return layer;
  }

  // A copy of a module of the U-Net's own, on the device.
  template <typename Module>
  std::shared_ptr<Module> Copied(const std::string& prefix,
                                 std::shared_ptr<Module> module) {
    for (auto& parameter : module->named_parameters()) {
      parameter.value().copy_(Get(prefix + "." + parameter.key()));
    }
    plan_.weight_bytes_ += MoveTo(*module, math_.device);
    return module;
  }

  void BuildEmbeddings() {
    const nn::UninitializedScope uninitialized;
    const int64_t width = 4 * int64_t{config_.model_channels};
    const auto sinusoids = [&] {
      return std::make_shared<nn::TimestepEmbedding>(config_.model_channels,
                                                     width);
    };
    plan_.time_embed_ = Copied("time_embed", sinusoids());
    if (config_.num_classes > 0) {
      plan_.label_emb_ = Copied(
          "label_emb",
          std::make_shared<nn::Embedding>(
              config_.num_classes + (config_.null_class ? 1 : 0), width));
    }
    if (config_.augmentation_embedding) {
      plan_.aug_embed_ = Copied("aug_embed", sinusoids());
    }
  }

  Step Res(const std::string& block, nn::Resampling resampling) {
    const CardWeights weights = WeightsOf(block);
    const CardResBlock::Options options{
        .scale_shift_norm = config_.scale_shift_norm,
        .norm_groups = config_.norm_groups,
        .resampling = resampling,
        .has_skip_convolution = Has(block + ".skip_connection.weight"),
        .embedding_offset = embedding_rows_};
    embedding_weights_.push_back(weights("emb_layers.1.weight"));
    embedding_biases_.push_back(weights("emb_layers.1.bias"));
    embedding_rows_ += embedding_weights_.back().size(0);
    const auto res =
        Counted(std::make_shared<const CardResBlock>(weights, options, math_));
    return [res](const at::Tensor& x, const at::Tensor& second,
                 const at::Tensor& embeddings) {
      return res->Run(x, second, embeddings);
    };
  }

  Step Attention(const std::string& block) {
    const CardWeights weights = WeightsOf(block);
    const auto attention = Counted(std::make_shared<const CardAttention>(
        weights, config_.heads(weights("norm.weight").size(0)),
        config_.attention_order, config_.norm_groups, math_));
    return [attention](const at::Tensor& x, const at::Tensor&,
                       const at::Tensor&) { return attention->Run(x); };
  }

  // A convolution of the images after, and at half the size with a stride of 2.
  Step Convolution(const std::string& layer, int64_t stride,
                   nn::Resampling before) {
    const auto conv = Counted(std::make_shared<const CardConv>(
        Get(layer + ".weight"), Get(layer + ".bias"), stride, math_));
    return [conv, before](const at::Tensor& x, const at::Tensor&,
                          const at::Tensor&) {
      return conv->Run(CardResampled(x, before));
    };
  }

  Step Plain(nn::Resampling resampling) {
    return [resampling](const at::Tensor& x, const at::Tensor&,
                        const at::Tensor&) {
      return CardResampled(x, resampling);
    };
  }

  void BuildInputBlocks() {
    const auto name = [this](const char* step) {
      return "input_blocks." + std::to_string(plan_.input_blocks_.size()) +
             step;
    };
    plan_.input_blocks_.push_back(
        {Convolution(name(".0"), 1, nn::Resampling::kNone)});
    const int levels = static_cast<int>(config_.channel_mult.size());
    for (int level = 0; level < levels; ++level) {
      for (int i = 0; i < config_.num_res_blocks; ++i) {
        Sequence block = {Res(name(".0"), nn::Resampling::kNone)};
        if (AttendsAt(level)) block.push_back(Attention(name(".1")));
        plan_.input_blocks_.push_back(std::move(block));
      }
      if (level + 1 == levels) break;
      plan_.input_blocks_.push_back({Down(name(".0"))});
    }
  }

  Step Down(const std::string& block) {
    if (config_.resblock_updown) return Res(block, nn::Resampling::kDown);
    return config_.conv_resample
               ? Convolution(block + ".op", 2, nn::Resampling::kNone)
               : Plain(nn::Resampling::kDown);
  }

  Step Up(const std::string& block) {
    if (config_.resblock_updown) return Res(block, nn::Resampling::kUp);
    return config_.conv_resample
               ? Convolution(block + ".conv", 1, nn::Resampling::kUp)
               : Plain(nn::Resampling::kUp);
  }

  void BuildOutputBlocks() {
    for (int level = static_cast<int>(config_.channel_mult.size()) - 1;
         level >= 0; --level) {
      for (int i = 0; i <= config_.num_res_blocks; ++i) {
        const std::string name = "output_blocks." +
                                 std::to_string(plan_.output_blocks_.size()) +
                                 ".";
        Sequence block = {Res(name + "0", nn::Resampling::kNone)};
        if (AttendsAt(level)) block.push_back(Attention(name + "1"));
        if (level > 0 && i == config_.num_res_blocks) {
          block.push_back(Up(name + std::to_string(block.size())));
        }
        plan_.output_blocks_.push_back(std::move(block));
      }
    }
  }

  // One linear layer of all blocks' rows.
  void MergeEmbeddings() {
    const nn::UninitializedScope uninitialized;
    auto merged = std::make_shared<nn::Linear>(
        4 * int64_t{config_.model_channels}, embedding_rows_);
    auto parameters = merged->named_parameters();
    parameters["weight"].copy_(at::cat(embedding_weights_));
    parameters["bias"].copy_(at::cat(embedding_biases_));
    plan_.weight_bytes_ += MoveTo(*merged, math_.device);
    plan_.block_embeddings_ = std::move(merged);
  }

  const Parameters parameters_;
  const UNetConfig& config_;
  const CardMath& math_;
  CardPlan& plan_;
  int64_t embedding_rows_ = 0;
  std::vector<at::Tensor> embedding_weights_;
  std::vector<at::Tensor> embedding_biases_;
};

CardPlan::CardPlan(const nn::UNet& unet, const CardMath& math)
    : config_(unet.config()), math_(math) {
  const at::NoGradGuard no_grad;
  Builder(unet, *this).Build();
}

CardPlan::~CardPlan() = default;

at::Tensor CardPlan::Embeddings(const nn::UNetInput& input) const {
  at::Tensor embedding = time_embed_->forward(input.timestep);
  if (label_emb_) embedding = embedding + label_emb_->forward(input.class_id);
  if (aug_embed_) {
    embedding = embedding + aug_embed_->forward(input.augmentation);
  }
  return block_embeddings_->forward(at::silu(embedding));
}

at::Tensor CardPlan::Run(const nn::UNetInput& input) const {
  const at::Tensor embeddings = Embeddings(input);
  at::Tensor h =
      config_.super_resolution ? at::cat({input.x, input.low_res}, 1) : input.x;
  h = h.to(math_.dtype).contiguous(at::MemoryFormat::ChannelsLast);

  const auto run = [&](const Sequence& sequence, at::Tensor second) {
    for (const Step& step : sequence) {
      h = step(h, std::exchange(second, {}), embeddings);
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
  return out_conv_->Run(out_norm_->Run(h, {}, {}, at::kFloat));
}

}  // namespace cascade
