#include "models/sampling/augmentation.h"

#include <algorithm>
#include <cmath>

namespace cascade {

AugmentationPoint AugmentationAtLevel(const NoiseSchedule& schedule,
                                      double level) {
  const int last = schedule.num_timesteps();
  const double index = std::nearbyint(std::clamp(level, 0.0, 1.0) * last);
  return AugmentationAtIndex(schedule, static_cast<int>(index));
}

AugmentationPoint AugmentationAtIndex(const NoiseSchedule& schedule,
                                      int index) {
  AugmentationPoint point;
  if (index <= 0) return point;
  const double alpha_bar = schedule.alpha_bar(index - 1);
  point.signal = std::sqrt(alpha_bar);
  point.noise = std::sqrt(1 - alpha_bar);
  point.index = index;
  return point;
}

}  // namespace cascade
