#pragma once

#include <cstdint>

#include "models/cuda/card_noise.h"
#include "models/cuda/step_arithmetic.h"

namespace cascade {

// A step as a card reads it: rows that are uploaded in one piece, and pointers
// to memory of the device.

// As NetworkRow.
struct CardNetworkRow {
  int64_t x_row;
  int64_t low_res_row;
  int64_t class_id;
  float c_in;
  float timestep;
  float augmentation;
};

// As UpdateRow.
struct CardUpdateRow {
  CardLine line;
  CardNoiseKey noise;
  int64_t output_row;
  int64_t unconditional_row;
  int64_t x_row;
  int64_t next_x_row;
  int64_t x0_rows[4];
  // Of a dynamic threshold: where its quantile is, and its bound.
  uint32_t quantile_rank;
  double quantile_weight;
  double quantile_max;
  int32_t pixel_row;  // In CardStep::pixels; -1: none wanted.
  bool pixels_of_x;   // Otherwise of x0.
  bool has_noise;     // In CardStep::noise; otherwise it is made.
};

// The slots' images, `size` floats each.
struct CardPool {
  float* x;
  float* x0;
  const float* low_res;  // Null for a base.
  int size;
  int plane;  // size / channels
};

// The network's input for some of the step's rows: where each tensor begins,
// null where there is none.
struct CardBatch {
  const CardNetworkRow* rows;  // The batch's first.
  int used;                    // Spare rows repeat the last of these.
  int count;
  float* x;
  float* low_res;
  float* timestep;
  int64_t* class_id;
  float* augmentation;
};

struct CardStep {
  const CardUpdateRow* rows;
  int count;
  const float* output;  // The network's, channels first.
  int64_t output_size;  // Of a row.
  const float* noise;   // [count, size], where a row has its own.
  double* limits;       // [count], of dynamic thresholds.
  int32_t* finite;      // [count]; 1 until a value is infinite or NaN.
  uint8_t* pixels;      // [wanted, plane, channels]
};

}  // namespace cascade
