#pragma once

#include <cstdint>

#include "models/plan/bf16.h"

namespace cascade {

// What the loops of a 1x1 convolution need (pointwise_loops.h). T is float or
// Bf16, of x and out.
template <typename T>
struct PointwiseProblem {
  // Rows that are computed together: two times what is multiplied at once. Up
  // to some 200 channels their pixels and results fit the cache of the first
  // level beside a panel of weights.
  static constexpr int64_t kBlock = 24;

  const T* x = nullptr;  // [rows, in_channels]
  T* out = nullptr;      // [rows, out_channels]
  // Added to the result, and shaped as it; `out` itself, another, or null.
  const T* residual = nullptr;
  int64_t rows = 0;
  int64_t in_channels = 0;         // A multiple of 16.
  int64_t out_channels = 0;        // A multiple of 16.
  const float* weights = nullptr;  // WeightPanels.
  const float* bias = nullptr;     // [out_channels]
};

// Computes the blocks of rows from `begin` to before `end`. `workspace` has
// kBlock * (in_channels + out_channels + 32) floats, for this call alone.
//
// For processors with AVX-512 (F, BW, DQ, VL).
void PointwiseAvx512(const PointwiseProblem<float>& problem, int64_t begin,
                     int64_t end, float* workspace);
void PointwiseAvx512(const PointwiseProblem<Bf16>& problem, int64_t begin,
                     int64_t end, float* workspace);
// For processors with AVX2 and FMA.
void PointwiseAvx2(const PointwiseProblem<float>& problem, int64_t begin,
                   int64_t end, float* workspace);
void PointwiseAvx2(const PointwiseProblem<Bf16>& problem, int64_t begin,
                   int64_t end, float* workspace);

}  // namespace cascade
