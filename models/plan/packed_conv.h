#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>

#include "models/plan/pointwise_conv.h"
#include "models/plan/winograd_conv.h"

namespace cascade {

// A "same" convolution with weights in a layout of their own, made once. For
// channels-last images, in inference on the CPU. Immutable.
//
// Of 3x3 (Winograd's) and 1x1, with a stride of 1, it is computed by loops of
// our own, in floats between images of either type, where the processor has the
// vectors and does not have matrix units for the type; otherwise by oneDNN. The
// choice depends on nothing but the processor and the convolution, so that the
// same request has the same bits.
class PackedConv {
 public:
  struct Options {
    int64_t stride = 1;
    at::ScalarType dtype = at::kFloat;  // Of the images; or kBFloat16.
    // Whether each pixel of the input becomes four before.
    bool doubles = false;
    // What it will mostly be given, after that: oneDNN chooses its layout for
    // it, and a Winograd convolution its tile for the height and the width.
    int64_t batch = 8;
    int64_t height = 0;
    int64_t width = 0;
  };

  // weight [out, in, kernel, kernel] and bias [out], float.
  PackedConv(const at::Tensor& weight, const at::Tensor& bias,
             const Options& options);

  // x [batch, in, height, width], channels-last, of the options' dtype.
  at::Tensor Run(const at::Tensor& x) const;
  // The convolution and `residual`, which stays as it is.
  at::Tensor RunAdding(const at::Tensor& x, const at::Tensor& residual) const;
  // Adds the convolution to `sum`, which nobody else may hold.
  void RunInto(const at::Tensor& x, at::Tensor& sum) const;

  int64_t weight_bytes() const;

  // What is not oneDNN's.
  using Loops = std::variant<std::monostate, WinogradConv, PointwiseConv>;

 private:
  bool HasLoops() const;
  at::Tensor Doubled(const at::Tensor& x) const;
  // `residual` may be `out`, or undefined.
  void RunLoops(const at::Tensor& x, const at::Tensor& residual,
                at::Tensor& out) const;

  const Options options_;
  const int64_t padding_;
  const int64_t out_channels_;
  const Loops loops_;
  // Of oneDNN's.
  at::Tensor weight_;  // Opaque.
  at::Tensor bias_;
};

}  // namespace cascade
