#pragma once

#include <vector>

#include "models/sampling/diffusion_spec.h"
#include "models/sampling/noise_schedule.h"

namespace cascade {

// The spacing of Karras et al. 2022, eq. 5: evenly in sigma^(1/rho).

// The sigma at `position`, 0 (sigma_max) to 1 (sigma_min); both ends exactly.
double KarrasSigma(const KarrasSpec& spec, double position);

// `count` >= 1 sigmas from sigma_max down to sigma_min; one is sigma_max.
std::vector<double> KarrasSigmas(const KarrasSpec& spec, int count);

// How noisy `sigma` is, 0 (sigma_min) to 1 (sigma_max): 1 - its position.
double KarrasNoiseFraction(const KarrasSpec& spec, double sigma);

// The `count` timesteps of a discrete process, ascending, whose noise level
// sqrt(1 / alpha_bar - 1) is nearest to KarrasSigmas() over what the process
// has of 0.002..80 with rho 7 (Karras et al. 2022, table 1, for networks of
// other training). No timestep comes twice: where the sigmas lie closer than
// the timesteps, neighbours take their place.
// 1 <= count <= schedule.num_timesteps().
std::vector<int> KarrasTimesteps(const NoiseSchedule& schedule, int count);

}  // namespace cascade
