#include "models/evaluation/bound_timesteps.h"

#include <algorithm>
#include <cmath>

namespace cascade {
namespace {

constexpr double kDataVariance = 0.25;
constexpr double kEvenShare = 0.1;

// The term at `t` of normal data with an exact denoiser, whose x_0 has variance
// kDataVariance, in nats.
double NormalTerm(const NoiseSchedule& schedule, int t) {
  const double a = schedule.alpha_bar(t);
  const double weight = schedule.PosteriorX0Weight(t);
  const double rest = kDataVariance * (1 - a) / (a * kDataVariance + 1 - a);
  return 0.5 * weight * weight * rest / schedule.PosteriorVariance(t);
}

}  // namespace

BoundTimesteps::BoundTimesteps(const NoiseSchedule& schedule, int first,
                               int count)
    : first_(first) {
  const int terms = schedule.num_timesteps() - first;
  drawn_ = count > 0 && count < terms;
  count_ = drawn_ ? count : terms;
  double sum = 0;
  for (int t = first; t < schedule.num_timesteps(); ++t) {
    sum += NormalTerm(schedule, t);
    cumulative_.push_back(sum);
  }
  for (int i = 0; i < terms; ++i) {
    double& value = cumulative_[static_cast<size_t>(i)];
    value = (1 - kEvenShare) * value / sum + kEvenShare * (i + 1) / terms;
  }
}

std::vector<WeightedTimestep> BoundTimesteps::Draw(
    std::span<const double> uniforms) const {
  std::vector<WeightedTimestep> result;
  result.reserve(static_cast<size_t>(count_));
  for (int i = 0; i < count_; ++i) {
    if (!drawn_) {
      result.push_back({.timestep = first_ + i, .weight = 1});
      continue;
    }
    const double place = (i + uniforms[static_cast<size_t>(i)]) / count_;
    // Rounding must not lead behind the last term.
    const auto found = std::min(
        std::upper_bound(cumulative_.begin(), cumulative_.end(), place),
        cumulative_.end() - 1);
    const double probability =
        *found - (found == cumulative_.begin() ? 0 : *(found - 1));
    result.push_back(
        {.timestep = first_ + static_cast<int>(found - cumulative_.begin()),
         .weight = 1 / (count_ * probability)});
  }
  return result;
}

}  // namespace cascade
