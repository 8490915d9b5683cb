#include "models/training/conditioning_blur.h"

#include <ATen/ops/reflection_pad2d.h>
#include <ATen/ops/tensor.h>

#include <cmath>

#include "models/sampling/counter_noise.h"

namespace cascade {
namespace {

// Uniform numbers an image takes: whether, and which sigma.
constexpr size_t kDrawsPerImage = 2;

}  // namespace

std::array<double, 2> BlurWeights(double sigma) {
  if (sigma == 0) return {1, 0};
  const double side = std::exp(-1 / (2 * sigma * sigma));
  return {1 / (1 + 2 * side), side / (1 + 2 * side)};
}

at::Tensor BlurImages(const at::Tensor& images,
                      const std::vector<double>& sigmas) {
  std::vector<float> centres;
  std::vector<float> sides;
  for (double sigma : sigmas) {
    const auto [centre, side] = BlurWeights(sigma);
    centres.push_back(static_cast<float>(centre));
    sides.push_back(static_cast<float>(side));
  }
  const auto per_image = [&](const std::vector<float>& weights) {
    return at::tensor(weights)
        .view({static_cast<int64_t>(weights.size()), 1, 1, 1})
        .to(images.device());
  };
  const at::Tensor centre = per_image(centres);
  const at::Tensor side = per_image(sides);
  const at::Tensor padded = at::reflection_pad2d(images, {1, 1, 1, 1});
  const int64_t height = images.size(2);
  const int64_t width = images.size(3);
  const at::Tensor rows =
      centre * padded.narrow(2, 1, height) +
      side * (padded.narrow(2, 0, height) + padded.narrow(2, 2, height));
  return centre * rows.narrow(3, 1, width) +
         side * (rows.narrow(3, 0, width) + rows.narrow(3, 2, width));
}

std::vector<double> DrawBlurSigmas(const ConditioningBlur& blur, int64_t count,
                                   uint64_t seed, int stage, int64_t step) {
  std::vector<double> sigmas(static_cast<size_t>(count), 0);
  if (blur.share == 0) return sigmas;
  std::vector<double> draws(sigmas.size() * kDrawsPerImage);
  FillUniform({.seed = seed,
               .stage = static_cast<uint32_t>(stage),
               .purpose = NoisePurpose::kTrainingBlur,
               .step = static_cast<uint32_t>(step)},
              draws);
  for (size_t i = 0; i < sigmas.size(); ++i) {
    const double* draw = &draws[i * kDrawsPerImage];
    if (draw[0] >= blur.share) continue;
    sigmas[i] = blur.min_sigma + draw[1] * (blur.max_sigma - blur.min_sigma);
  }
  return sigmas;
}

}  // namespace cascade
