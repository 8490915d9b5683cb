#include "server/scheduler/forecast_margin.h"

#include <algorithm>
#include <cmath>

namespace cascade {
namespace {

constexpr double kLowest = 1.1;
constexpr double kHighest = 4;
constexpr double kRise = 0.05;
constexpr double kMisses = 0.005;  // What may take longer.
// Of the time alone: what the load must add for the job to count.
constexpr double kMuchLoad = 0.5;

}  // namespace

void ForecastMargin::Observe(absl::Duration unloaded, const Forecast& forecast,
                             absl::Duration took) {
  if (forecast.total - unloaded < kMuchLoad * unloaded) return;
  const bool is_missed = took > WithMargin(unloaded, forecast, factor_);
  const double change = is_missed ? kRise : -kRise * kMisses;
  factor_ = std::clamp(factor_ * std::exp(change), kLowest, kHighest);
}

absl::Duration WithMargin(absl::Duration unloaded, const Forecast& forecast,
                          double factor) {
  return unloaded + factor * (forecast.total - unloaded);
}

}  // namespace cascade
