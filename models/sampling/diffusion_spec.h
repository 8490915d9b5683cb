#pragma once

#include "absl/status/status.h"

namespace cascade {

// How the signal-to-noise ratio falls with the timestep.
enum class ScheduleKind {
  // beta from 1e-4 * 1000/T to 0.02 * 1000/T, evenly spaced (Ho et al. 2020).
  kLinear,
  // alpha_bar(u) = cos^2((u + 0.008) / 1.008 * pi/2), beta at most 0.999
  // (Nichol & Dhariwal 2021, eq. 17).
  kCosine,
  // No timesteps: x = x_0 + sigma eps for every sigma of KarrasSpec.
  kKarras,
};

// What the network's output estimates.
enum class PredictionType {
  kEpsilon,   // the noise: x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) eps
  kVelocity,  // v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x_0
  kSample,    // x_0 itself
  // Of kKarras only: with sigma's scalings of KarrasSpec the network's output
  // becomes x_0, ...
  kEdm,          // the mean of all x_0 that x may come from
  kConsistency,  // the x_0 where the ODE through x ends (Song et al. 2023)
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

// A process in the noise level sigma, and how its network sees it (Karras et
// al. 2022, table 1; Song et al. 2023, appendix C):
//
//   x_0 = c_skip x + c_out network(c_in x, 250 log(sigma))
//   c_skip = sigma_data^2 / (s^2 + sigma_data^2)
//   c_out  = s sigma_data / sqrt(sigma^2 + sigma_data^2)
//   c_in   = 1 / sqrt(sigma^2 + sigma_data^2)
//
// with s = sigma for kEdm, and s = sigma - sigma_min for kConsistency, so that
// the estimate at sigma_min is x. 250 log(sigma) is what the networks of
// consistency_models are told.
struct KarrasSpec {
  double sigma_min = 0.002;  // 1e-6..1e6.
  double sigma_max = 80;     // Above sigma_min, to 1e6; x_T is sigma_max eps.
  double rho = 7;  // 1..100, the spacing of the steps: karras_schedule.h
  double sigma_data = 0.5;  // 1e-3..1e3, the deviation of the training's x_0.

  bool operator==(const KarrasSpec&) const = default;
};

// The diffusion process that a stage was trained with.
struct DiffusionSpec {
  // T, 1..100000. Under kKarras: the points of the grid that the steps of a
  // consistency model lie on; for all samplers the most steps.
  int num_timesteps = 1000;
  ScheduleKind schedule = ScheduleKind::kCosine;
  PredictionType prediction = PredictionType::kEpsilon;
  VarianceKind variance = VarianceKind::kFixedSmall;
  NoiseConditioning conditioning = NoiseConditioning::kTimestep;
  KarrasSpec karras = {};  // Of kKarras.
};

// INVALID_ARGUMENT, with the field and its value, for a process that cannot be.
absl::Status CheckDiffusion(const DiffusionSpec& spec);

}  // namespace cascade
