#include "models/nn/resample.h"

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/upsample_nearest2d.h>

namespace cascade::nn {

at::Tensor AveragePool(const at::Tensor& x) {
  return at::avg_pool2d(x, {2, 2}, {2, 2});
}

at::Tensor RepeatPixels(const at::Tensor& x) {
  return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
}

at::Tensor EnlargeLowResolution(const at::Tensor& image, int64_t size,
                                LowResolutionUpsampling upsampling) {
  if (upsampling == LowResolutionUpsampling::kBicubic) {
    return at::upsample_bicubic2d(image, {size, size}, /*align_corners=*/false);
  }
  return at::upsample_bilinear2d(image, {size, size}, /*align_corners=*/false);
}

Downsample::Downsample(int64_t channels, bool convolve) {
  if (convolve) {
    op_ = register_module(
        "op", std::make_shared<Conv2d>(channels, channels, 3, /*stride=*/2));
  }
}

at::Tensor Downsample::forward(const at::Tensor& x) {
  return op_ ? op_->forward(x) : AveragePool(x);
}

Upsample::Upsample(int64_t channels, bool convolve) {
  if (convolve) {
    conv_ = register_module("conv",
                            std::make_shared<Conv2d>(channels, channels, 3));
  }
}

at::Tensor Upsample::forward(const at::Tensor& x) {
  const at::Tensor enlarged = RepeatPixels(x);
  return conv_ ? conv_->forward(enlarged) : enlarged;
}

}  // namespace cascade::nn
