#include "models/sampling/karras_schedule.h"

#include <algorithm>
#include <cmath>

namespace cascade {
namespace {

double NoiseLevel(const NoiseSchedule& schedule, int t) {
  return std::sqrt(1 / schedule.alpha_bar(t) - 1);
}

int NearestTimestep(const NoiseSchedule& schedule, double sigma) {
  // The first timestep that is as noisy.
  int low = 0;
  int high = schedule.num_timesteps() - 1;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (NoiseLevel(schedule, middle) < sigma) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low > 0 && sigma - NoiseLevel(schedule, low - 1) <
                     NoiseLevel(schedule, low) - sigma) {
    return low - 1;
  }
  return low;
}

}  // namespace

double KarrasSigma(const KarrasSpec& spec, double position) {
  if (position <= 0) return spec.sigma_max;
  if (position >= 1) return spec.sigma_min;
  const double begin = std::pow(spec.sigma_max, 1 / spec.rho);
  const double end = std::pow(spec.sigma_min, 1 / spec.rho);
  return std::pow(begin + position * (end - begin), spec.rho);
}

std::vector<double> KarrasSigmas(const KarrasSpec& spec, int count) {
  std::vector<double> sigmas = {spec.sigma_max};
  for (int i = 1; i < count; ++i) {
    sigmas.push_back(KarrasSigma(spec, static_cast<double>(i) / (count - 1)));
  }
  return sigmas;
}

double KarrasNoiseFraction(const KarrasSpec& spec, double sigma) {
  if (spec.sigma_min == spec.sigma_max) return 1;
  const double begin = std::pow(spec.sigma_max, 1 / spec.rho);
  const double end = std::pow(spec.sigma_min, 1 / spec.rho);
  const double fraction = (std::pow(sigma, 1 / spec.rho) - end) / (begin - end);
  return std::clamp(fraction, 0.0, 1.0);
}

std::vector<int> KarrasTimesteps(const NoiseSchedule& schedule, int count) {
  KarrasSpec spec;
  const int last = schedule.num_timesteps() - 1;
  spec.sigma_max = std::min(spec.sigma_max, NoiseLevel(schedule, last));
  spec.sigma_min = std::min(std::max(spec.sigma_min, NoiseLevel(schedule, 0)),
                            spec.sigma_max);
  std::vector<int> timesteps;
  int below = last;
  int left = count;
  for (double sigma : KarrasSigmas(spec, count)) {
    // As many timesteps below as are still to come.
    --left;
    timesteps.push_back(
        std::clamp(NearestTimestep(schedule, sigma), left, below));
    below = timesteps.back() - 1;
  }
  std::reverse(timesteps.begin(), timesteps.end());
  return timesteps;
}

}  // namespace cascade
