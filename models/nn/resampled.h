#pragma once

#include <ATen/core/Tensor.h>

#include "models/nn/res_block.h"

namespace cascade::nn {

// Images x at half or twice the size, or x itself.
at::Tensor Resampled(const at::Tensor& x, Resampling resampling);

}  // namespace cascade::nn
