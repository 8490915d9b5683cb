#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <span>

namespace cascade {

// What loops without LibTorch are given of tensors in their tests.

// Of a contiguous tensor of floats.
inline std::span<const float> Values(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

template <typename T>
const T* Data(const at::Tensor& tensor) {
  return static_cast<const T*>(tensor.const_data_ptr());
}

// `expected` is in doubles.
inline double LargestError(const at::Tensor& actual,
                           const at::Tensor& expected) {
  return (actual.to(at::kDouble) - expected).abs().max().item<double>();
}

}  // namespace cascade
