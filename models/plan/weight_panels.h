#pragma once

#include <cstdint>

#include "models/plan/instruction_set.h"

namespace cascade {

// Where a convolution's loops find a weight: for panels of two vectors of
// output channels, of three at the end where they are odd, or of the only one:
// [in_channels][panel].
class WeightPanels {
 public:
  // Whether the channels are whole vectors: two of AVX2, one of AVX-512.
  static bool Take(int64_t in_channels, int64_t out_channels) {
    return in_channels % 16 == 0 && out_channels % 16 == 0;
  }

  // Of channels that they take.
  WeightPanels(int64_t in_channels, int64_t out_channels,
               InstructionSet instructions)
      : in_channels_(in_channels),
        out_channels_(out_channels),
        pair_(instructions == InstructionSet::kAvx512 ? 32 : 16),
        paired_(PairedOf(out_channels, pair_)) {}

  int64_t count() const {
    return paired_ / pair_ + (paired_ < out_channels_ ? 1 : 0);
  }
  int64_t Position(int64_t in, int64_t out) const {
    const int64_t begin = out < paired_ ? out / pair_ * pair_ : paired_;
    const int64_t panel = out < paired_ ? pair_ : out_channels_ - paired_;
    return begin * in_channels_ + in * panel + out - begin;
  }

 private:
  // Output channels in panels of two vectors.
  static int64_t PairedOf(int64_t out_channels, int64_t pair) {
    if (out_channels % pair == 0) return out_channels;
    return out_channels < pair ? 0 : out_channels / pair * pair - pair;
  }

  const int64_t in_channels_;
  const int64_t out_channels_;
  const int64_t pair_;
  const int64_t paired_;
};

}  // namespace cascade
