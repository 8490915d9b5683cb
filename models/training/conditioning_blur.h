#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

#include "models/weights/cascade_manifest.h"

namespace cascade {

// Conditioning augmentation by blur (Ho et al. 2022, section 4): in training, a
// share of the low-resolution inputs is convolved with a Gaussian kernel of
// 3x3 pixels,
//
//   k(i, j) = exp(-(i^2 + j^2) / (2 sigma^2)) / sum,   i, j in -1 .. 1,
//
// whose sigma is drawn evenly from a range for each image. The network is told
// nothing of it, and nothing is blurred in sampling.

// The kernel's two weights in one direction, {centre, side}: k(i, j) is the
// product of two. centre + 2 side = 1. `sigma` in pixels; 0: {1, 0}.
std::array<double, 2> BlurWeights(double sigma);

// Image i of `images` [batch, channels, height, width], each side at least 2,
// blurred with sigmas[i]; the border is mirrored about its pixels. An image
// whose sigma is 0 keeps its bits.
at::Tensor BlurImages(const at::Tensor& images,
                      const std::vector<double>& sigmas);

// The sigmas of a training step's `count` images, 0 where one is not blurred:
// functions of seed, stage and step.
std::vector<double> DrawBlurSigmas(const ConditioningBlur& blur, int64_t count,
                                   uint64_t seed, int stage, int64_t step);

}  // namespace cascade
