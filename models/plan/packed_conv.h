#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace cascade {

// A "same" convolution with its weights in the layout that oneDNN computes in,
// made once: oneDNN's own convolution would bring them there at every call.
// For channels-last images, in inference on the CPU. Immutable.
class PackedConv {
 public:
  // What it will mostly be given, so that oneDNN can choose the layout.
  struct Shape {
    int64_t batch = 8;
    int64_t height = 0;
    int64_t width = 0;
  };

  // weight [out, in, kernel, kernel] and bias [out], float; computes and
  // answers in `dtype`, kFloat or kBFloat16.
  PackedConv(const at::Tensor& weight, const at::Tensor& bias, int64_t stride,
             at::ScalarType dtype, const Shape& shape);

  // x [batch, in, height, width], channels-last, of the convolution's dtype.
  at::Tensor Run(const at::Tensor& x) const;
  // Adds the convolution to `sum`, which nobody else may hold.
  void RunInto(const at::Tensor& x, at::Tensor& sum) const;

  at::ScalarType dtype() const { return dtype_; }
  int64_t weight_bytes() const { return weight_bytes_; }

 private:
  const at::ScalarType dtype_;
  const int64_t padding_;
  const int64_t stride_;
  const int64_t weight_bytes_;
  at::Tensor weight_;  // Opaque.
  at::Tensor bias_;
};

}  // namespace cascade
