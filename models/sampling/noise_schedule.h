#pragma once

#include <span>
#include <vector>

#include "models/sampling/diffusion_spec.h"

namespace cascade {

// A discrete diffusion process: x_t = sqrt(alpha_bar_t) x_0 +
// sqrt(1 - alpha_bar_t) eps for t in 0 .. num_timesteps() - 1, and what follows
// from it (Ho et al. 2020, eq. 4 to 7). Immutable.
class NoiseSchedule {
 public:
  // The process of `kind`, which has timesteps (not kKarras), with
  // `num_timesteps` >= 1 of them.
  NoiseSchedule(ScheduleKind kind, int num_timesteps);
  // The linear process with these betas at its ends, 0 < first <= last < 1.
  static NoiseSchedule Linear(int num_timesteps, double first_beta,
                              double last_beta);
  // The process with these betas, each in (0, 1); at least one.
  explicit NoiseSchedule(std::vector<double> betas);

  // The process that visits only `timesteps` (ascending, of this one): its
  // alpha_bars are this one's at those timesteps.
  NoiseSchedule Respaced(std::span<const int> timesteps) const;

  int num_timesteps() const { return static_cast<int>(betas_.size()); }
  double beta(int t) const { return betas_[Index(t)]; }
  double alpha_bar(int t) const { return alpha_bars_[Index(t)]; }
  // alpha_bar(t - 1), and 1 at t = 0.
  double previous_alpha_bar(int t) const {
    return t == 0 ? 1.0 : alpha_bar(t - 1);
  }

  // Where this process has `alpha_bar`: 0 .. num_timesteps() - 1, between whole
  // timesteps linearly in the log signal-to-noise ratio, and the nearer end
  // outside.
  double TimestepAt(double alpha_bar) const;

  // beta_tilde: the variance of q(x_{t-1} | x_t, x_0). 0 at t = 0.
  double PosteriorVariance(int t) const;
  // Its log; at t = 0 that of t = 1, because log 0 is not finite.
  double ClippedPosteriorLogVariance(int t) const;
  // The mean of q(x_{t-1} | x_t, x_0) is x0_weight x_0 + x_weight x_t.
  double PosteriorX0Weight(int t) const;
  double PosteriorXWeight(int t) const;

 private:
  static size_t Index(int t) { return static_cast<size_t>(t); }

  std::vector<double> betas_;
  std::vector<double> alpha_bars_;
};

}  // namespace cascade
