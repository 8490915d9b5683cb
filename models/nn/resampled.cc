#include "models/nn/resampled.h"

#include "models/nn/resample.h"

namespace cascade::nn {

at::Tensor Resampled(const at::Tensor& x, Resampling resampling) {
  switch (resampling) {
    case Resampling::kDown:
      return AveragePool(x);
    case Resampling::kUp:
      return RepeatPixels(x);
    case Resampling::kNone:
      break;
  }
  return x;
}

}  // namespace cascade::nn
