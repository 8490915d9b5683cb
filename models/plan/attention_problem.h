#pragma once

#include <cstdint>

#include "models/plan/bf16.h"

namespace cascade {

// What the loops of attention need (attention_loops.h). T is float or Bf16.
template <typename T>
struct AttentionProblem {
  // [images, pixels, 3 * heads * width]: of a pixel, `width` numbers of each
  // head's query, key and value, which begin at head * head_stride + (0, 1, 2)
  // * part_stride.
  const T* qkv = nullptr;
  T* out = nullptr;  // [images, pixels, heads * width]
  int64_t images = 0;
  int64_t pixels = 0;
  int64_t heads = 0;
  int64_t width = 0;
  int64_t head_stride = 0;
  int64_t part_stride = 0;
};

// Where a head's matrices lie in the workspace, in floats. Rows have a cache
// line more than they need: a power of two apart they would push each other out
// of the cache.
struct AttentionWorkspace {
  static constexpr int64_t kVector = 16;
  static constexpr int64_t kBlock = 24;  // Queries that are computed together.

  // Inlined everywhere: see vector_lanes.h.
  __attribute__((always_inline))
  AttentionWorkspace(int64_t pixels, int64_t width)
      : width_row((width + kVector - 1) / kVector * kVector + kVector),
        pixel_row((pixels + kVector - 1) / kVector * kVector + kVector),
        keys((pixels + 3) / 4 * 4 * width_row),
        values(keys + width * pixel_row),
        scores(values + pixels * width_row),
        sums(scores + kBlock * pixel_row),
        floats(sums + kBlock * width_row) {}

  int64_t width_row;
  int64_t pixel_row;
  // Queries begin at 0: [pixels, a multiple of 4][width_row].
  int64_t keys;    // [width][pixel_row]
  int64_t values;  // [pixels][width_row]
  int64_t scores;  // [kBlock][pixel_row]
  int64_t sums;    // [kBlock][width_row]
  int64_t floats;
};

// Computes the heads from `begin` to before `end` of all images' heads, counted
// image by image. `workspace` has AttentionWorkspace::floats, for this call
// alone. For processors with AVX-512 (F, BW, DQ, VL).
void AttentionAvx512(const AttentionProblem<float>& problem, int64_t begin,
                     int64_t end, float* workspace);
void AttentionAvx512(const AttentionProblem<Bf16>& problem, int64_t begin,
                     int64_t end, float* workspace);
// For processors with AVX2 and FMA.
void AttentionAvx2(const AttentionProblem<float>& problem, int64_t begin,
                   int64_t end, float* workspace);
void AttentionAvx2(const AttentionProblem<Bf16>& problem, int64_t begin,
                   int64_t end, float* workspace);

}  // namespace cascade
