#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "models/nn/layers.h"

namespace cascade::nn {

// Sinusoids of the timesteps `t` [batch], cosines first: [batch, width].
at::Tensor SinusoidalEmbedding(const at::Tensor& t, int64_t width);

// Sinusoids followed by Linear, SiLU, Linear. Keys: 0.*, 2.*.
class TimestepEmbedding : public torch::nn::Module {
 public:
  TimestepEmbedding(int64_t sinusoid_width, int64_t width);

  at::Tensor forward(const at::Tensor& t);
  // Makes the output zero, so that training starts without this input.
  void ZeroInit();

 private:
  const int64_t sinusoid_width_;
  std::shared_ptr<Linear> first_;
  std::shared_ptr<Linear> second_;
};

}  // namespace cascade::nn
