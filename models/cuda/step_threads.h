#pragma once

#include "models/cuda/card_step.h"
#include "models/cuda/magnitude_rank.h"

namespace cascade {

// What one thread does in a step. A kernel runs the threads side by side, a
// test on the host one after another.

// Elements of a thread of the update: those of one block of random bits.
constexpr int kUpdateElements = 4;

// Element `i` of row `row` of the network's input.
C10_HOST_DEVICE inline void GatherElement(const CardPool& pool,
                                          const CardBatch& batch, int row,
                                          int i) {
  const CardNetworkRow& from =
      batch.rows[row < batch.used ? row : batch.used - 1];
  const int64_t at = static_cast<int64_t>(row) * pool.size + i;
  batch.x[at] = from.c_in * pool.x[from.x_row * pool.size + i];
  if (batch.low_res != nullptr) {
    batch.low_res[at] = pool.low_res[from.low_res_row * pool.size + i];
  }
  if (i != 0) return;
  batch.timestep[row] = from.timestep;
  if (batch.class_id != nullptr) batch.class_id[row] = from.class_id;
  if (batch.augmentation != nullptr) {
    batch.augmentation[row] = from.augmentation;
  }
}

// An x0 estimate before any threshold.
C10_HOST_DEVICE inline double X0Of(const CardPool& pool, const CardStep& step,
                                   const CardUpdateRow& row, int i) {
  const float unconditional =
      row.line.guided
          ? step.output[row.unconditional_row * step.output_size + i]
          : 0.0f;
  return CardX0(row.line, pool.x[row.x_row * pool.size + i],
                step.output[row.output_row * step.output_size + i],
                unconditional);
}

// Adds the row's noise to `next`, of which there are `count` from `begin` on.
C10_HOST_DEVICE inline void AddNoise(const CardPool& pool, const CardStep& step,
                                     int row_index, int begin, int count,
                                     double* next) {
  const CardUpdateRow& row = step.rows[row_index];
  float normals[kUpdateElements];
  if (row.has_noise) {
    const float* noise =
        step.noise + static_cast<int64_t>(row_index) * pool.size + begin;
    for (int i = 0; i < count; ++i) normals[i] = noise[i];
  } else {
    CardNormals(row.noise, static_cast<uint32_t>(begin / kUpdateElements),
                normals);
  }
  const float* v =
      step.output + row.output_row * step.output_size + pool.size + begin;
  for (int i = 0; i < count; ++i) {
    const double deviation =
        CardDeviation(row.line, row.line.learned_variance ? v[i] : 0.0f);
    next[i] += deviation * static_cast<double>(normals[i]);
  }
}

// The elements of a row from kUpdateElements * `block` on.
C10_HOST_DEVICE inline void UpdateElements(const CardPool& pool,
                                           const CardStep& step, int row_index,
                                           int block) {
  const CardUpdateRow& row = step.rows[row_index];
  const CardLine& line = row.line;
  const int begin = block * kUpdateElements;
  const int count =
      begin + kUpdateElements < pool.size ? kUpdateElements : pool.size - begin;
  double x0[kUpdateElements];
  double next[kUpdateElements];
  bool finite = true;
  const double limit =
      line.threshold == CardThreshold::kDynamic ? step.limits[row_index] : 1.0;
  for (int i = 0; i < count; ++i) {
    const float x = pool.x[row.x_row * pool.size + begin + i];
    x0[i] = X0Of(pool, step, row, begin + i);
    finite = IsFiniteFloat(x0[i]) && finite;
    if (line.threshold != CardThreshold::kNone) x0[i] = CardClip(x0[i], limit);
    next[i] = CardNextX(line, x, x0[i]);
  }
  for (int k = 1; k < 4; ++k) {
    if (line.b[k] == 0) continue;
    const float* history = pool.x0 + row.x0_rows[k] * pool.size + begin;
    for (int i = 0; i < count; ++i) {
      next[i] += line.b[k] * static_cast<double>(history[i]);
    }
  }
  if (line.adds_noise) AddNoise(pool, step, row_index, begin, count, next);
  for (int i = 0; i < count; ++i) {
    finite = IsFiniteFloat(next[i]) && finite;
    const int element = begin + i;
    const float x0_out = static_cast<float>(x0[i]);
    const float next_out = static_cast<float>(next[i]);
    pool.x0[row.x0_rows[0] * pool.size + element] = x0_out;
    pool.x[row.next_x_row * pool.size + element] = next_out;
    if (row.pixel_row < 0) continue;
    const int channels = pool.size / pool.plane;
    const int64_t pixel = static_cast<int64_t>(row.pixel_row) * pool.size +
                          element % pool.plane * channels +
                          element / pool.plane;
    step.pixels[pixel] = CardPixel(row.pixels_of_x ? next_out : x0_out);
  }
  // Whoever finds one writes the same.
  if (!finite) step.finite[row_index] = 0;
}

// The s of a dynamic threshold, from the value at its rank and the next one.
C10_HOST_DEVICE inline double LimitOf(const CardUpdateRow& row, double low,
                                      double high) {
  const double quantile =
      row.quantile_weight == 0 ? low : low + row.quantile_weight * (high - low);
  return quantile < 1.0                ? 1.0
         : row.quantile_max < quantile ? row.quantile_max
                                       : quantile;
}

}  // namespace cascade
