#include "models/plan/unet_plan.h"

#include <memory>
#include <utility>

#include "models/plan/packed_conv.h"
#include "models/plan/planned_block.h"
#include "models/plan/planned_norm.h"

namespace cascade {
namespace {

// For images of the options' size.
class PackedLayers final : public nn::PlanLayers {
 public:
  explicit PackedLayers(const UNetPlan::Options& options) : options_(options) {}

  nn::PlanLayer MakeConvolution(const nn::BlockWeights& weights,
                                nn::Resampling resampling,
                                int64_t downsampling) const override {
    PackedConv::Options options = Conv(downsampling);
    if (resampling == nn::Resampling::kDown) options.stride = 2;
    if (resampling == nn::Resampling::kUp) {
      options.doubles = true;
      options.height *= 2;
      options.width *= 2;
    }
    const auto conv = std::make_shared<const PackedConv>(
        weights("weight"), weights("bias"), options);
    return {.run = [conv](const at::Tensor& x, const at::Tensor&,
                          const at::Tensor&) { return conv->Run(x); },
            .weight_bytes = conv->weight_bytes()};
  }

  nn::PlanLayer MakeResBlock(const nn::BlockWeights& weights,
                             const nn::ResBlockShape& shape,
                             int64_t downsampling) const override {
    const auto res = std::make_shared<const PlannedResBlock>(
        weights, shape, Conv(downsampling));
    return {.run =
                [res](const at::Tensor& x, const at::Tensor& second,
                      const at::Tensor& embeddings) {
                  return res->Run(x, second, embeddings);
                },
            .weight_bytes = res->weight_bytes()};
  }

  nn::PlanLayer MakeAttention(const nn::BlockWeights& weights,
                              const nn::AttentionShape& shape,
                              int64_t downsampling) const override {
    const auto attention = std::make_shared<const PlannedAttention>(
        weights, shape, Conv(downsampling));
    return {
        .run = [attention](
                   at::Tensor x, const at::Tensor&,
                   const at::Tensor&) { return attention->Run(std::move(x)); },
        .weight_bytes = attention->weight_bytes()};
  }

  nn::PlanLayer MakeOutput(const nn::BlockWeights& weights,
                           int64_t norm_groups) const override {
    PackedConv::Options floats = Conv(/*downsampling=*/1);
    floats.dtype = at::kFloat;
    const auto norm = std::make_shared<const PlannedNorm>(
        weights("0.weight"), weights("0.bias"), norm_groups);
    const auto conv = std::make_shared<const PackedConv>(
        weights("2.weight"), weights("2.bias"), floats);
    return {.run =
                [norm, conv](const at::Tensor& x, const at::Tensor&,
                             const at::Tensor&) {
                  return conv->Run(norm->Run(x, {}, {}, at::kFloat));
                },
            .weight_bytes = norm->weight_bytes() + conv->weight_bytes()};
  }

 private:
  PackedConv::Options Conv(int64_t downsampling) const {
    return {.dtype = options_.dtype,
            .batch = options_.batch,
            .height = options_.size / downsampling,
            .width = options_.size / downsampling};
  }

  const UNetPlan::Options options_;
};

}  // namespace

UNetPlan::UNetPlan(const nn::UNet& unet, const Options& options)
    : unet_(unet, PackedLayers(options), at::kCPU, options.dtype) {}

}  // namespace cascade
