#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/cuda/card_functions.h"

namespace cascade {

// Layers of a plan for a card: channels-last images of the plan's dtype.
// Immutable. They throw what LibTorch throws.

// What a plan computes with.
struct CardMath {
  const CardFunctions* functions = nullptr;  // Those of `device`.
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  // Or kBFloat16, kHalf.
};

// "Same" convolution, by cuDNN.
class CardConv {
 public:
  // weight [out, in, kernel, kernel] and bias [out], float; the bias may be
  // undefined: ATen would add it in a pass of its own.
  CardConv(const at::Tensor& weight, const at::Tensor& bias, int64_t stride,
           const CardMath& math);

  at::Tensor Run(const at::Tensor& x) const;
  int64_t out_channels() const { return weight_.size(0); }
  int64_t weight_bytes() const;

 private:
  const int64_t stride_;
  const at::Tensor weight_;
  const at::Tensor bias_;
};

// 1x1 convolution of images as rows of pixels [batch, pixels, channels].
class CardLinear {
 public:
  // weight [out, in, 1] and bias [out], float.
  CardLinear(const at::Tensor& weight, const at::Tensor& bias,
             const CardMath& math);

  at::Tensor Run(const at::Tensor& rows) const;
  int64_t weight_bytes() const;

 private:
  const at::Tensor weight_;  // [out, in]
  const at::Tensor bias_;
};

// Group normalisation with what follows it (NormArguments).
class CardNorm {
 public:
  struct Extras {
    // [batch, channels] each, float, rows any number of floats apart;
    // undefined: none.
    at::Tensor add;
    at::Tensor scale;
    at::Tensor shift;
    bool silu = true;
  };

  // weight, bias and input_bias [channels], float; the last is added to the
  // input, and may be undefined. Throws for channels that no block of threads
  // holds a group of.
  CardNorm(const at::Tensor& weight, const at::Tensor& bias, int64_t groups,
           const CardMath& math, const at::Tensor& input_bias = {});

  // `second` has the channels that follow x's; undefined: none. `dtype` is x's
  // own, or float.
  at::Tensor Run(const at::Tensor& x, const at::Tensor& second,
                 const Extras& extras, at::ScalarType dtype) const;
  int64_t weight_bytes() const;

 private:
  const CardMath math_;
  const int groups_;
  const at::Tensor weight_;
  const at::Tensor bias_;
  const at::Tensor input_bias_;
};

// x as rows of pixels [batch, pixels, channels], without a copy; and back.
at::Tensor AsRows(const at::Tensor& x);
at::Tensor AsImages(const at::Tensor& rows, int64_t height, int64_t width);

}  // namespace cascade
