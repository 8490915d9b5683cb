#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/plan/instruction_set.h"

namespace cascade {

// A 1x1 convolution over channels-last images: a matrix product of their pixels
// with the weights. Sums are in float. A pixel's bits depend on neither the
// pixels beside it nor on who computes which block.
//
// Immutable; any thread may compute any block.
class PointwiseConv {
 public:
  // weight [out_channels, in_channels], bias [out_channels]. The processor has
  // `instructions`, and WeightPanels take the channels.
  PointwiseConv(std::span<const float> weight, std::span<const float> bias,
                InstructionSet instructions);

  // The parts that Run() takes, of so many pixels.
  int64_t Blocks(int64_t pixels) const;
  // x [pixels, in_channels] to out [pixels, out_channels]. Adds `residual`,
  // which may be `out`, unless it is null. T: float or Bf16.
  template <typename T>
  void Run(int64_t pixels, const T* x, const T* residual, int64_t begin,
           int64_t end, T* out) const;

  int64_t out_channels() const { return out_channels_; }
  int64_t weight_bytes() const {
    return static_cast<int64_t>(weights_.size() * sizeof(float));
  }

 private:
  const InstructionSet instructions_;
  const int64_t out_channels_;
  const int64_t in_channels_;
  const std::vector<float> bias_;
  const std::vector<float> weights_;  // In WeightPanels.
};

}  // namespace cascade
