#pragma once

#include <cstdint>

#include "models/plan/bf16.h"

namespace cascade {

// What the loops of a Winograd convolution need (winograd_loops.h). T is float
// or Bf16, of x and out.
template <typename T>
struct WinogradProblem {
  const T* x = nullptr;  // [images, height, width, in_channels]
  T* out = nullptr;      // [images, height, width, out_channels]
  // Added to the result, and shaped as it; `out` itself, another, or null.
  const T* residual = nullptr;
  // Whether x has half the height and half the width, and each of its pixels
  // stands for four.
  bool doubles = false;
  int64_t tile = 0;  // 2 or 4: computes so many results squared at once.
  int64_t images = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t in_channels = 0;         // A multiple of 16.
  int64_t out_channels = 0;        // A multiple of 16.
  const float* weights = nullptr;  // As WinogradConv lays them.
  const float* bias = nullptr;     // [out_channels]
  const float* zeros = nullptr;    // At least in_channels.
  int64_t tiles_in_block = 0;      // Computed together; a multiple of 4.
  int64_t parts = 1;  // That share such tiles' output channels: a block each.
};

// Inlined everywhere: see vector_lanes.h.
#define CASCADE_SHARED constexpr __attribute__((always_inline))

// Of a tile of so many pixels squared: what its results take.
CASCADE_SHARED int64_t WinogradProducts(int64_t tile) {
  return (tile + 2) * (tile + 2);
}
// Floats between the rows of a matrix of transformed pixels, and between two of
// the matrices, one for each product: a cache line more than they need. A power
// of two apart they would push each other out of the cache.
CASCADE_SHARED int64_t WinogradRow(int64_t channels) { return channels + 16; }
CASCADE_SHARED int64_t WinogradMatrix(int64_t channels, int64_t tiles) {
  return WinogradRow(channels) * tiles + 16;
}
CASCADE_SHARED int64_t WinogradWorkspace(int64_t tile, int64_t in_channels,
                                         int64_t out_channels, int64_t tiles) {
  return WinogradProducts(tile) * (WinogradMatrix(in_channels, tiles) +
                                   WinogradMatrix(out_channels, tiles));
}

#undef CASCADE_SHARED

// Computes the blocks from `begin` to before `end`. `workspace` has
// WinogradWorkspace() floats, for this call alone.
//
// For processors with AVX-512 (F, BW, DQ, VL).
void WinogradAvx512(const WinogradProblem<float>& problem, int64_t begin,
                    int64_t end, float* workspace);
void WinogradAvx512(const WinogradProblem<Bf16>& problem, int64_t begin,
                    int64_t end, float* workspace);
// For processors with AVX2 and FMA.
void WinogradAvx2(const WinogradProblem<float>& problem, int64_t begin,
                  int64_t end, float* workspace);
void WinogradAvx2(const WinogradProblem<Bf16>& problem, int64_t begin,
                  int64_t end, float* workspace);

}  // namespace cascade
