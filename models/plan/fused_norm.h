#pragma once

#include <cstdint>
#include <optional>

#include "models/plan/bf16.h"
#include "models/plan/instruction_set.h"

namespace cascade {

// Images as rows of pixels, each pixel's channels side by side (channels-last),
// in one or two pieces whose channels follow each other: a skip connection's
// concatenation that is never made.
template <typename T>
struct NormInput {
  const T* first = nullptr;   // [images, pixels, first_channels]
  const T* second = nullptr;  // [images, pixels, second_channels]; may be null.
  int64_t images = 0;
  int64_t pixels = 0;
  int64_t first_channels = 0;
  int64_t second_channels = 0;
};

// Group normalisation (Wu & He 2018), eps 1e-5, and what follows it in a
// U-Net's block. An image's result depends on nothing but the image.
struct NormParameters {
  int64_t groups = 32;            // Divides the channels.
  const float* weight = nullptr;  // [channels]
  const float* bias = nullptr;    // [channels]
  // Of each image, `stride` apart; null: none. `add` is added to the input's
  // channels; the norm is multiplied by 1 + scale, then shifted.
  const float* add = nullptr;    // [images, channels]
  const float* scale = nullptr;  // [images, channels]
  const float* shift = nullptr;  // [images, channels]
  int64_t stride = 0;
  bool silu = true;
};

// out [images, pixels, channels] of the input's images `begin` to `end`, which
// any thread may compute beside others. The processor has `instructions`; none:
// it needs none. In and Out: float and float, Bf16 and Bf16, Bf16 and float.
template <typename In, typename Out>
void FusedNorm(const NormInput<In>& input, const NormParameters& parameters,
               std::optional<InstructionSet> instructions, int64_t begin,
               int64_t end, Out* out);

}  // namespace cascade
