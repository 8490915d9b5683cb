#pragma once

namespace cascade {

// How the signal-to-noise ratio falls with the timestep.
enum class ScheduleKind {
  // beta from 1e-4 * 1000/T to 0.02 * 1000/T, evenly spaced (Ho et al. 2020).
  kLinear,
  // alpha_bar(u) = cos^2((u + 0.008) / 1.008 * pi/2), beta at most 0.999
  // (Nichol & Dhariwal 2021, eq. 17).
  kCosine,
};

// What the network's output estimates.
enum class PredictionType {
  kEpsilon,   // the noise: x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) eps
  kVelocity,  // v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x_0
  kSample,    // x_0 itself
};

// The variance of an ancestral (DDPM) step.
enum class VarianceKind {
  kFixedSmall,    // the posterior variance, beta_tilde
  kFixedLarge,    // beta
  kLearnedRange,  // exp of an interpolation between the logs of both, by the
                  // second half of the network's output channels
};

// What the network is told of the noise in its input
// (models/sampling/noise_conditioning.h).
enum class NoiseConditioning {
  kTimestep,    // The timestep of the training's process.
  kNoiseLevel,  // sqrt(alpha_bar), continuously (Saharia et al. 2021, SR3; Chen
                // et al. 2021, WaveGrad): the schedule may be chosen after
                // training.
};

// The diffusion process that a stage was trained with.
struct DiffusionSpec {
  int num_timesteps = 1000;  // T, 1..100000.
  ScheduleKind schedule = ScheduleKind::kCosine;
  PredictionType prediction = PredictionType::kEpsilon;
  VarianceKind variance = VarianceKind::kFixedSmall;
  NoiseConditioning conditioning = NoiseConditioning::kTimestep;
};

}  // namespace cascade
