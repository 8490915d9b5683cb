#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "models/nn/layers.h"
#include "models/stage_spec.h"

namespace cascade::nn {

// Halves height and width by the mean of 2x2 pixels.
at::Tensor AveragePool(const at::Tensor& x);
// Doubles height and width by repetition.
at::Tensor RepeatPixels(const at::Tensor& x);
// Enlarges a low-resolution image to size x size, pixel centres kept apart from
// the corners (align_corners false), as the published super-resolution networks
// expect. Bicubic is ATen's, with a = -0.75.
at::Tensor EnlargeLowResolution(
    const at::Tensor& image, int64_t size,
    LowResolutionUpsampling upsampling = LowResolutionUpsampling::kBilinear);

// Halving between two levels: a strided convolution (key op.*), or the mean.
class Downsample : public torch::nn::Module {
 public:
  Downsample(int64_t channels, bool convolve);
  at::Tensor forward(const at::Tensor& x);

 private:
  std::shared_ptr<Conv2d> op_;
};

// Doubling between two levels: repetition, then a convolution (key conv.*) if
// `convolve`.
class Upsample : public torch::nn::Module {
 public:
  Upsample(int64_t channels, bool convolve);
  at::Tensor forward(const at::Tensor& x);

 private:
  std::shared_ptr<Conv2d> conv_;
};

}  // namespace cascade::nn
