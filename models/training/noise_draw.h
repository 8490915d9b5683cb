#pragma once

#include <cstdint>
#include <vector>

#include "models/sampling/diffusion_spec.h"
#include "models/sampling/noise_schedule.h"

namespace cascade {

// How much noise a training example gets: x = sqrt(alpha_bar) x_0 +
// sqrt(1 - alpha_bar) eps.
struct NoiseDraw {
  int timestep = 0;
  double alpha_bar = 1;
  double told = 0;  // What the network is told of it.
};

// The draws of a training step's `count` examples: functions of seed, stage and
// step. The timestep is drawn evenly; alpha_bar is the timestep's, or for a
// network that is told the noise level its square root is drawn evenly between
// the timestep before and this one (Chen et al. 2021, WaveGrad, algorithm 1;
// Saharia et al. 2021, SR3):
//
//   t ~ U{1 .. T},   sqrt(alpha_bar) ~ U(sqrt(alpha_bar_t),
//                                        sqrt(alpha_bar_t-1)),  alpha_bar_0 = 1
//
// so that it meets every level and may be sampled with another schedule.
// `schedule` is the process of `spec`.
std::vector<NoiseDraw> DrawNoise(const DiffusionSpec& spec,
                                 const NoiseSchedule& schedule, int64_t count,
                                 uint64_t seed, int stage, int64_t step);

}  // namespace cascade
