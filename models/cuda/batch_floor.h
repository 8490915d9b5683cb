#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <span>

namespace cascade {

// One batch size that a network was captured for.
struct BucketTrial {
  int rows = 0;
  double seconds = 0;  // Of one evaluation.
  // Of the same rows as every other trial's, on the host, computed in batches
  // of this size.
  at::Tensor output;
};

// The bucket that smaller batches are to be filled up to, so that an image's
// bits do not depend on its batch: libraries choose other kernels for few rows,
// and a floor under the batches takes those out. Buckets above it that do not
// agree with it are not exact; what they would have gained is the floor's
// price.
//
// Chooses the smallest whose exact buckets reach 80 % of the best rows per
// second of all. `trials` are in ascending order of rows; returns an index.
size_t ChooseFloor(std::span<const BucketTrial> trials);

}  // namespace cascade
