#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"

namespace cascade {

// How far a stage's finished images are from the same images in fp32, levels of
// 8 bits.
struct PrecisionDistance {
  double root_mean_square = 0;  // Over all values of all images.
  int largest = 0;              // Of one value.
};

// Draws `count` images, of all classes in turn, with their packages' defaults,
// from seed `first_seed` on: every stage by both models, each time from what
// `fp32` made of the stage below, so that a stage's distance is its own.
// One value a stage.
absl::StatusOr<std::vector<PrecisionDistance>> MeasurePrecisionDistances(
    const CascadeModel& fp32, const CascadeModel& other, uint64_t first_seed,
    int count);

}  // namespace cascade
