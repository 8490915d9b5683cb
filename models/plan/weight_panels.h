#pragma once

#include <cstdint>

#include "models/plan/instruction_set.h"

namespace cascade {

// Where a convolution's loops find a weight: for panels of two vectors of
// output channels (one at the end, where they are odd) [in_channels][panel].
class WeightPanels {
 public:
  // Channels are multiples of this: two vectors of AVX2, one of AVX-512.
  static constexpr int64_t kChannels = 16;

  // out_channels: a multiple of kChannels.
  WeightPanels(int64_t in_channels, int64_t out_channels,
               InstructionSet instructions)
      : in_channels_(in_channels),
        lanes_(instructions == InstructionSet::kAvx512 ? 16 : 8),
        paired_(out_channels / (2 * lanes_) * 2 * lanes_) {}

  int64_t Position(int64_t in, int64_t out) const {
    const int64_t panel = out < paired_ ? 2 * lanes_ : lanes_;
    const int64_t begin = out / panel * panel;
    return begin * in_channels_ + in * panel + out - begin;
  }

 private:
  const int64_t in_channels_;
  const int64_t lanes_;
  const int64_t paired_;  // Output channels.
};

}  // namespace cascade
