#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/sampling/noise_schedule.h"

namespace cascade {

// A term of the variational bound that is evaluated, and how much it counts in
// the estimate of their sum.
struct WeightedTimestep {
  int timestep = 0;
  double weight = 1;

  bool operator==(const WeightedTimestep&) const = default;
};

// Which of the terms first .. T-1 of an image are evaluated: all of them, or
// `count` that are drawn in as many strata with probabilities p(t) and weights
// 1 / (count p(t)), so that the weighted sum is that of all terms on average
// (importance sampling of the bound: Nichol & Dhariwal 2021, section 3.3).
//
// p(t) is nine tenths a share of what normal data of variance 1/4 lose at t,
// and a tenth even: most of a bound lies in the few timesteps with little
// noise.
//
// Immutable.
class BoundTimesteps {
 public:
  // `first` in 1 .. T; `count` 0, or not below the number of terms: all.
  BoundTimesteps(const NoiseSchedule& schedule, int first, int count);

  // Uniform numbers that an image takes; 0 when all terms are evaluated.
  int num_uniforms() const { return drawn_ ? count_ : 0; }
  // The terms of an image; `uniforms` has num_uniforms() values in [0, 1).
  std::vector<WeightedTimestep> Draw(std::span<const double> uniforms) const;

 private:
  const int first_;
  int count_ = 0;
  bool drawn_ = false;
  // Of first .. T-1: the sum of the probabilities up to and with each.
  std::vector<double> cumulative_;
};

}  // namespace cascade
