#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/nn/planned_unet.h"
#include "models/nn/unet.h"

namespace cascade {

// nn::UNet in inference on the CPU, built once from the same weights:
// channels-last, convolutions with packed weights that add to their residual,
// norms in one pass with what follows them, fused attention, and every block's
// embedding in one product.
//
// Its outputs are the modules' but for rounding. Immutable; Run() may be called
// on several threads at once, without gradients.
class UNetPlan {
 public:
  struct Options {
    at::ScalarType dtype = at::kFloat;  // Or kBFloat16, of what is between.
    int64_t size = 0;                   // Of the images: height and width.
    int64_t batch = 8;  // That oneDNN is to choose its layouts for.
  };

  // Copies what it needs of `unet`. Throws what LibTorch throws.
  UNetPlan(const nn::UNet& unet, const Options& options);

  // As nn::UNet::forward(): [batch, out_channels, size, size], float, of
  // whatever strides.
  at::Tensor Run(const nn::UNetInput& input) const { return unet_.Run(input); }

  int64_t weight_bytes() const { return unet_.weight_bytes(); }

 private:
  const nn::PlannedUNet unet_;
};

}  // namespace cascade
