#include "models/plan/unet_plan.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace cascade {
namespace {

using Parameters = torch::OrderedDict<std::string, at::Tensor>;

int64_t BytesOf(const torch::nn::Module& module) {
  size_t bytes = 0;
  for (const at::Tensor& weight : module.parameters()) bytes += weight.nbytes();
  return static_cast<int64_t>(bytes);
}

// A copy of a module of the U-Net's own, with its weights.
template <typename Module>
std::shared_ptr<Module> Copied(const Parameters& all, const std::string& prefix,
                               std::shared_ptr<Module> module) {
  for (auto& parameter : module->named_parameters()) {
    parameter.value().copy_(all[prefix + "." + parameter.key()]);
  }
  return module;
}

}  // namespace

// Walks the U-Net as its constructor did.
class UNetPlan::Builder {
 public:
  Builder(const nn::UNet& unet, UNetPlan& plan)
      : parameters_(unet.named_parameters()),
        config_(plan.config_),
        plan_(plan),
        size_(plan.options_.size) {}

  void Build() {
    BuildEmbeddings();
    BuildInputBlocks();
    const std::string middle = "middle_block.";
    plan_.middle_block_ = {Res(middle + "0", nn::Resampling::kNone),
                           Attention(middle + "1"),
                           Res(middle + "2", nn::Resampling::kNone)};
    BuildOutputBlocks();
    MergeEmbeddings();
    plan_.out_norm_ = std::make_unique<PlannedNorm>(
        Get("out.0.weight"), Get("out.0.bias"), config_.norm_groups);
    // In floats: it is small, and its output is what is told apart.
    plan_.out_conv_ = std::make_unique<PackedConv>(
        Get("out.2.weight"), Get("out.2.bias"), Conv(at::kFloat));
    plan_.weight_bytes_ +=
        plan_.out_norm_->weight_bytes() + plan_.out_conv_->weight_bytes();
  }

 private:
  at::Tensor Get(const std::string& key) const {
    return parameters_[key].detach();
  }
  bool Has(const std::string& key) const { return parameters_.contains(key); }
  // Of the images at this point of the walk.
  PackedConv::Options Conv(at::ScalarType dtype) const {
    return {.dtype = dtype,
            .batch = plan_.options_.batch,
            .height = size_,
            .width = size_};
  }
  PackedConv::Options Conv() const { return Conv(plan_.options_.dtype); }
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

  void BuildEmbeddings() {
    const nn::UninitializedScope uninitialized;
    const int64_t width = 4 * int64_t{config_.model_channels};
    plan_.time_embed_ = Copied(
        parameters_, "time_embed",
        std::make_shared<nn::TimestepEmbedding>(config_.model_channels, width));
    if (config_.num_classes > 0) {
      plan_.label_emb_ = Copied(
          parameters_, "label_emb",
          std::make_shared<nn::Embedding>(
              config_.num_classes + (config_.null_class ? 1 : 0), width));
    }
    if (config_.augmentation_embedding) {
      plan_.aug_embed_ = Copied(parameters_, "aug_embed",
                                std::make_shared<nn::TimestepEmbedding>(
                                    config_.model_channels, width));
    }
    for (const torch::nn::Module* module :
         {static_cast<const torch::nn::Module*>(plan_.time_embed_.get()),
          static_cast<const torch::nn::Module*>(plan_.label_emb_.get()),
          static_cast<const torch::nn::Module*>(plan_.aug_embed_.get())}) {
      if (module != nullptr) plan_.weight_bytes_ += BytesOf(*module);
    }
  }

  // What a block takes beyond the images at this point is a skip connection's.
  Step Res(const std::string& block, nn::Resampling resampling) {
    const BlockWeights weights = WeightsOf(block);
    const int64_t second_channels =
        weights("in_layers.0.weight").size(0) - channels_;
    channels_ = weights("in_layers.2.weight").size(0);
    const PlannedResBlock::Options options{
        .scale_shift_norm = config_.scale_shift_norm,
        .norm_groups = config_.norm_groups,
        .resampling = resampling,
        .has_skip_convolution = Has(block + ".skip_connection.weight"),
        .second_channels = second_channels,
        .embedding_offset = embedding_rows_};
    embedding_weights_.push_back(weights("emb_layers.1.weight"));
    embedding_biases_.push_back(weights("emb_layers.1.bias"));
    embedding_rows_ += embedding_weights_.back().size(0);
    auto res =
        std::make_shared<const PlannedResBlock>(weights, options, Conv());
    plan_.weight_bytes_ += res->weight_bytes();
    Resize(resampling);
    return [res](const at::Tensor& x, const at::Tensor& second,
                 const at::Tensor& embeddings) {
      return res->Run(x, second, embeddings);
    };
  }

  Step Attention(const std::string& block) {
    const BlockWeights weights = WeightsOf(block);
    auto attention = std::make_shared<const PlannedAttention>(
        weights, config_.heads(weights("norm.weight").size(0)),
        config_.attention_order, config_.norm_groups, Conv());
    plan_.weight_bytes_ += attention->weight_bytes();
    return [attention](at::Tensor x, const at::Tensor&, const at::Tensor&) {
      return attention->Run(std::move(x));
    };
  }

  // With a stride of 2, or of images that it enlarges first.
  Step Convolution(const std::string& layer, int64_t stride, bool doubles) {
    if (doubles) size_ *= 2;
    PackedConv::Options options = Conv();
    options.stride = stride;
    options.doubles = doubles;
    auto conv = std::make_shared<const PackedConv>(
        Get(layer + ".weight"), Get(layer + ".bias"), options);
    plan_.weight_bytes_ += conv->weight_bytes();
    channels_ = Get(layer + ".weight").size(0);
    size_ /= stride;
    return [conv](const at::Tensor& x, const at::Tensor&, const at::Tensor&) {
      return conv->Run(x);
    };
  }

  Step Plain(nn::Resampling resampling) {
    Resize(resampling);
    return [resampling](const at::Tensor& x, const at::Tensor&,
                        const at::Tensor&) { return Resampled(x, resampling); };
  }

  void Resize(nn::Resampling resampling) {
    if (resampling == nn::Resampling::kDown) size_ /= 2;
    if (resampling == nn::Resampling::kUp) size_ *= 2;
  }

  void BuildInputBlocks() {
    const auto name = [this](const char* step) {
      return "input_blocks." + std::to_string(plan_.input_blocks_.size()) +
             step;
    };
    plan_.input_blocks_.push_back(
        {Convolution(name(".0"), 1, /*doubles=*/false)});
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
               ? Convolution(block + ".op", 2, /*doubles=*/false)
               : Plain(nn::Resampling::kDown);
  }

  Step Up(const std::string& block) {
    if (config_.resblock_updown) return Res(block, nn::Resampling::kUp);
    return config_.conv_resample
               ? Convolution(block + ".conv", 1, /*doubles=*/true)
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
    auto merged = std::make_shared<nn::Linear>(4 * config_.model_channels,
                                               embedding_rows_);
    auto parameters = merged->named_parameters();
    parameters["weight"].copy_(at::cat(embedding_weights_));
    parameters["bias"].copy_(at::cat(embedding_biases_));
    plan_.weight_bytes_ += BytesOf(*merged);
    plan_.block_embeddings_ = std::move(merged);
  }

  const Parameters parameters_;
  const UNetConfig& config_;
  UNetPlan& plan_;
  // Of the images at this point of the walk.
  int64_t size_;
  int64_t channels_ = 0;
  int64_t embedding_rows_ = 0;
  std::vector<at::Tensor> embedding_weights_;
  std::vector<at::Tensor> embedding_biases_;
};

UNetPlan::UNetPlan(const nn::UNet& unet, const Options& options)
    : config_(unet.config()), options_(options) {
  const at::NoGradGuard no_grad;
  Builder(unet, *this).Build();
}

UNetPlan::~UNetPlan() = default;

at::Tensor UNetPlan::Embeddings(const nn::UNetInput& input) const {
  at::Tensor embedding = time_embed_->forward(input.timestep);
  if (label_emb_) embedding = embedding + label_emb_->forward(input.class_id);
  if (aug_embed_) {
    embedding = embedding + aug_embed_->forward(input.augmentation);
  }
  return block_embeddings_->forward(at::silu(embedding));
}

at::Tensor UNetPlan::Run(const nn::UNetInput& input) const {
  const at::Tensor embeddings = Embeddings(input);
  at::Tensor h =
      config_.super_resolution ? at::cat({input.x, input.low_res}, 1) : input.x;
  h = h.to(options_.dtype).contiguous(at::MemoryFormat::ChannelsLast);

  const auto run = [&](const Sequence& sequence, at::Tensor second) {
    for (const Step& step : sequence) {
      h = step(std::move(h), std::exchange(second, {}), embeddings);
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
