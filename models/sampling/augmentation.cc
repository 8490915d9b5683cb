#include "models/sampling/augmentation.h"

#include <algorithm>
#include <cmath>

namespace cascade {

int AugmentationIndex(int num_timesteps, double level) {
  return static_cast<int>(
      std::nearbyint(std::clamp(level, 0.0, 1.0) * num_timesteps));
}

AugmentationPoint AugmentationAtLevel(const NoiseSchedule& schedule,
                                      double level) {
  return AugmentationAtIndex(
      schedule, AugmentationIndex(schedule.num_timesteps(), level));
}

AugmentationPoint AugmentationAtIndex(const NoiseSchedule& schedule,
                                      int index) {
  return AugmentationBetween(schedule, 0, index);
}

AugmentationPoint AugmentationBetween(const NoiseSchedule& schedule, int from,
                                      int to) {
  AugmentationPoint point;
  point.index = std::max(to, 0);
  if (to <= from) return point;
  const double begin = from > 0 ? schedule.alpha_bar(from - 1) : 1.0;
  const double alpha_bar = schedule.alpha_bar(to - 1) / begin;
  point.signal = std::sqrt(alpha_bar);
  point.noise = std::sqrt(1 - alpha_bar);
  return point;
}

}  // namespace cascade
