#include "models/cuda/card_plan.h"

#include <memory>

#include "models/cuda/card_blocks.h"
#include "models/nn/resampled.h"

namespace cascade {
namespace {

// For images of any size.
class CardLayers final : public nn::PlanLayers {
 public:
  explicit CardLayers(const CardMath& math) : math_(math) {}

  nn::PlanLayer MakeConvolution(const nn::BlockWeights& weights,
                                nn::Resampling resampling,
                                int64_t /*downsampling*/) const override {
    const bool halves = resampling == nn::Resampling::kDown;
    const auto before = halves ? nn::Resampling::kNone : resampling;
    const auto conv = std::make_shared<const CardConv>(
        weights("weight"), weights("bias"), halves ? 2 : 1, math_);
    return {.run =
                [conv, before](const at::Tensor& x, const at::Tensor&,
                               const at::Tensor&) {
                  return conv->Run(nn::Resampled(x, before));
                },
            .weight_bytes = conv->weight_bytes()};
  }

  nn::PlanLayer MakeResBlock(const nn::BlockWeights& weights,
                             const nn::ResBlockShape& shape,
                             int64_t /*downsampling*/) const override {
    const auto res =
        std::make_shared<const CardResBlock>(weights, shape, math_);
    return {.run =
                [res](const at::Tensor& x, const at::Tensor& second,
                      const at::Tensor& embeddings) {
                  return res->Run(x, second, embeddings);
                },
            .weight_bytes = res->weight_bytes()};
  }

  nn::PlanLayer MakeAttention(const nn::BlockWeights& weights,
                              const nn::AttentionShape& shape,
                              int64_t /*downsampling*/) const override {
    const auto attention =
        std::make_shared<const CardAttention>(weights, shape, math_);
    return {.run = [attention](const at::Tensor& x, const at::Tensor&,
                               const at::Tensor&) { return attention->Run(x); },
            .weight_bytes = attention->weight_bytes()};
  }

  nn::PlanLayer MakeOutput(const nn::BlockWeights& weights,
                           int64_t norm_groups) const override {
    CardMath floats = math_;
    floats.dtype = at::kFloat;
    const auto norm = std::make_shared<const CardNorm>(
        weights("0.weight"), weights("0.bias"), norm_groups, math_);
    const auto conv = std::make_shared<const CardConv>(
        weights("2.weight"), weights("2.bias"), 1, floats);
    return {.run =
                [norm, conv](const at::Tensor& x, const at::Tensor&,
                             const at::Tensor&) {
                  return conv->Run(norm->Run(x, {}, {}, at::kFloat));
                },
            .weight_bytes = norm->weight_bytes() + conv->weight_bytes()};
  }

 private:
  const CardMath math_;
};

}  // namespace

CardPlan::CardPlan(const nn::UNet& unet, const CardMath& math)
    : unet_(unet, CardLayers(math), math.device, math.dtype) {}

}  // namespace cascade
