#pragma once

// Vectors of one instruction set: included by source files that are compiled
// for it, and by nothing else. Everything here is local to such a file and
// calls nothing outside of it: an inline function that two files share would be
// linked from either.

#include <cstdint>

#include "models/plan/bf16.h"

namespace cascade {
namespace {

#define CASCADE_INLINED inline __attribute__((always_inline))

template <int kLanes>
struct Lanes {
  typedef float Floats __attribute__((vector_size(4 * kLanes)));
  typedef uint32_t Words __attribute__((vector_size(4 * kLanes)));
  typedef uint16_t Halves __attribute__((vector_size(2 * kLanes)));
  // Anywhere in memory.
  typedef float FloatsAt __attribute__((vector_size(4 * kLanes), aligned(4)));
  typedef uint16_t HalvesAt
      __attribute__((vector_size(2 * kLanes), aligned(2)));
};

template <int kLanes>
using Floats = typename Lanes<kLanes>::Floats;

template <int kLanes>
CASCADE_INLINED Floats<kLanes> Load(const float* from) {
  return *reinterpret_cast<const typename Lanes<kLanes>::FloatsAt*>(from);
}
template <int kLanes>
CASCADE_INLINED Floats<kLanes> Load(const Bf16* from) {
  using L = Lanes<kLanes>;
  const typename L::Halves halves =
      *reinterpret_cast<const typename L::HalvesAt*>(from);
  return reinterpret_cast<Floats<kLanes>>(
      __builtin_convertvector(halves, typename L::Words) << 16);
}

template <int kLanes>
CASCADE_INLINED void Store(Floats<kLanes> values, float* to) {
  *reinterpret_cast<typename Lanes<kLanes>::FloatsAt*>(to) = values;
}
// To the nearest, ties to even. NaN stays one.
template <int kLanes>
CASCADE_INLINED void Store(Floats<kLanes> values, Bf16* to) {
  using L = Lanes<kLanes>;
  const auto bits = reinterpret_cast<typename L::Words>(values);
  const auto rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const auto is_nan = (bits & 0x7fffffff) > 0x7f800000;
  const auto chosen = is_nan ? typename L::Words{} + 0x7fc0 : rounded;
  *reinterpret_cast<typename L::HalvesAt*>(to) =
      __builtin_convertvector(chosen, typename L::Halves);
}

// 1 / x within 2 units in the last place, of finite x from 1 to 2^126.
template <int kLanes>
CASCADE_INLINED Floats<kLanes> Reciprocal(Floats<kLanes> x) {
#ifdef __AVX512F__
  if constexpr (kLanes == 16) {
    // 14 bits, and twice as many by Newton's step: a division of 16 lanes takes
    // as long as all that a norm computes beside it.
    const Floats<kLanes> first =
        __builtin_ia32_rcp14ps512_mask(x, Floats<kLanes>{}, 0xffff);
    return first * (2.0f - x * first);
  }
#endif
  return 1.0f / x;
}

// kRows rows of one matrix times kVectors * kLanes columns of another, of whose
// rows there are `depth`. Each product is a sum in the order of the depth,
// whatever kRows is: an image's bits do not depend on what is computed beside
// it.
template <int kLanes, int kRows, int kVectors>
CASCADE_INLINED void Multiply(const float* rows, int64_t row_stride,
                              const float* panel, int64_t panel_stride,
                              int64_t depth, float* out, int64_t out_stride) {
  Floats<kLanes> sums[kRows][kVectors] = {};
  for (int64_t c = 0; c < depth; ++c) {
    Floats<kLanes> weights[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      weights[v] = Load<kLanes>(panel + c * panel_stride + v * kLanes);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const float value = rows[r * row_stride + c];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) sums[r][v] += value * weights[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      Store<kLanes>(sums[r][v], out + r * out_stride + v * kLanes);
    }
  }
}

// All rows, of which there are a multiple of 4. kMostRows * kVectors vectors of
// sums fit the registers beside what is multiplied.
template <int kLanes, int kMostRows, int kVectors>
CASCADE_INLINED void MultiplyAll(const float* rows, int64_t row_stride,
                                 const float* panel, int64_t panel_stride,
                                 int64_t depth, int64_t num_rows, float* out,
                                 int64_t out_stride) {
  int64_t row = 0;
  for (; row + kMostRows <= num_rows; row += kMostRows) {
    Multiply<kLanes, kMostRows, kVectors>(rows + row * row_stride, row_stride,
                                          panel, panel_stride, depth,
                                          out + row * out_stride, out_stride);
  }
  if constexpr (kMostRows > 8) {
    if (row + 8 <= num_rows) {
      Multiply<kLanes, 8, kVectors>(rows + row * row_stride, row_stride, panel,
                                    panel_stride, depth, out + row * out_stride,
                                    out_stride);
      row += 8;
    }
  }
  for (; row < num_rows; row += 4) {
    Multiply<kLanes, 4, kVectors>(rows + row * row_stride, row_stride, panel,
                                  panel_stride, depth, out + row * out_stride,
                                  out_stride);
  }
}

// Where the `part`-th of so many parts of the columns begins, which share the
// panels evenly; a part may be empty.
template <int kLanes>
CASCADE_INLINED int64_t PartBegin(int64_t columns, int64_t part,
                                  int64_t parts) {
  if (part == parts) return columns;
  const int64_t vectors = columns / kLanes;
  const int64_t panels = vectors > 1 ? vectors / 2 : 1;
  return panels * part / parts * 2 * kLanes;
}

// Rows times a matrix that lies in panels (weight_panels.h), or such a part of
// it.
template <int kLanes, int kMostRows>
CASCADE_INLINED void MultiplyByPanels(const float* rows, int64_t row_stride,
                                      const float* panels, int64_t depth,
                                      int64_t columns, int64_t num_rows,
                                      float* out, int64_t out_stride) {
  // Of one vector as well: more rows' addresses would not fit the registers.
  constexpr int kFewRows = kMostRows < 8 ? kMostRows : 8;
  int64_t column = 0;
  for (; columns - column == 2 * kLanes || columns - column > 3 * kLanes;
       column += 2 * kLanes) {
    MultiplyAll<kLanes, kMostRows, 2>(rows, row_stride, panels + column * depth,
                                      2 * kLanes, depth, num_rows, out + column,
                                      out_stride);
  }
  if (columns - column == 3 * kLanes) {
    MultiplyAll<kLanes, kFewRows, 3>(rows, row_stride, panels + column * depth,
                                     3 * kLanes, depth, num_rows, out + column,
                                     out_stride);
  } else if (columns - column == kLanes) {
    MultiplyAll<kLanes, kFewRows, 1>(rows, row_stride, panels + column * depth,
                                     kLanes, depth, num_rows, out + column,
                                     out_stride);
  }
}

}  // namespace
}  // namespace cascade
