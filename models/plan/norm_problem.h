#pragma once

#include <cstdint>

#include "models/plan/bf16.h"

namespace cascade {

// What the loops of a norm need (norm_loops.h). In, Out and T: float or Bf16.

// Adds each channel's values, and their squares, to sums.
template <typename T>
struct NormSums {
  const T* pixels = nullptr;  // [num_pixels, channels]
  int64_t num_pixels = 0;
  int64_t channels = 0;
  double* sums = nullptr;     // [channels]
  double* squares = nullptr;  // [channels]
};

// out = pixels * factor + offset, or SiLU of that.
template <typename In, typename Out>
struct NormApply {
  const In* pixels = nullptr;  // [num_pixels, channels]
  int64_t num_pixels = 0;
  int64_t channels = 0;
  const float* factor = nullptr;  // [channels]
  const float* offset = nullptr;  // [channels]
  bool silu = false;
  int64_t out_stride = 0;  // Between pixels of `out`.
  Out* out = nullptr;
};

// For processors with AVX-512 (F, BW, DQ, VL).
template <typename T>
void AddSumsAvx512(const NormSums<T>& problem);
template <typename In, typename Out>
void ApplyNormAvx512(const NormApply<In, Out>& problem);
// For processors with AVX2 and FMA.
template <typename T>
void AddSumsAvx2(const NormSums<T>& problem);
template <typename In, typename Out>
void ApplyNormAvx2(const NormApply<In, Out>& problem);
// For all others.
template <typename T>
void AddSumsBaseline(const NormSums<T>& problem);
template <typename In, typename Out>
void ApplyNormBaseline(const NormApply<In, Out>& problem);

}  // namespace cascade
