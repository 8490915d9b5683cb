#pragma once

#include "models/sampling/diffusion_spec.h"

namespace cascade {

// A noise level is sqrt(alpha_bar), in (0, 1). The sinusoids that embed it have
// wavelengths from 2 pi to 2 pi 1e4, made for timesteps, so it is multiplied by
// this before (Chen et al. 2021, WaveGrad, section 3: a linear scale of 5000):
// neighbouring levels then lie as far apart as neighbouring timesteps do.
inline constexpr double kNoiseLevelScale = 5000;

// What a network conditioned on noise levels is told at `alpha_bar` in [0, 1]:
// kNoiseLevelScale sqrt(alpha_bar). Training and sampling both ask here.
double ToldNoiseLevel(double alpha_bar);

// What a network is told of the noise at `timestep` of a process that has
// `alpha_bar` there.
double ToldNoise(NoiseConditioning conditioning, int timestep,
                 double alpha_bar);

}  // namespace cascade
