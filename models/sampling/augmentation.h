#pragma once

#include "models/sampling/noise_schedule.h"

namespace cascade {

// One level of Gaussian conditioning augmentation: the low-resolution input
// becomes signal * input + noise * eps.
struct AugmentationPoint {
  double signal = 1;
  double noise = 0;
  // What the network is told: 0 for a clean input, else 1 + the timestep of the
  // augmentation schedule, up to T.
  int index = 0;
};

// The index of level s in [0, 1] of a schedule of T timesteps: round(s T).
// Training and serving both ask here, so that they mean the same by a level.
int AugmentationIndex(int num_timesteps, double level);
// The point of `schedule` at that index.
AugmentationPoint AugmentationAtLevel(const NoiseSchedule& schedule,
                                      double level);
// The point of an index in 0 .. T, as training draws it.
AugmentationPoint AugmentationAtIndex(const NoiseSchedule& schedule, int index);

// What is missing from index `from` to `to`, 0 .. T, from <= to: with x at
// `from`, signal * x + noise * eps is at `to`, whose index it has (the forward
// process between two timesteps, Ho et al. 2020, eq. 2).
AugmentationPoint AugmentationBetween(const NoiseSchedule& schedule, int from,
                                      int to);

}  // namespace cascade
