#include "server/scheduler/forecast_margin.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace cascade {
namespace {

constexpr double kUnknown = 1.5;  // Before anything is known.
constexpr double kLowest = 0.5;
constexpr double kHighest = 4;
// Of a window's jobs, those that may take longer: less than one of a hundred,
// as those that do come in bursts.
constexpr int kMisses = 1;
// A job that was given up would have taken longer than its margin; nobody knows
// how much.
constexpr double kGivenUp = 1.1;
// Of the time alone: what the load must add for the job to count.
constexpr double kMuchLoad = 0.5;

}  // namespace

ForecastMargin::ForecastMargin() {
  for (Window& window : windows_) {
    window.ratios.fill(kUnknown);
    window.factor = kUnknown;
  }
}

double ForecastMargin::Factor(absl::Duration unloaded,
                              const Forecast& forecast) const {
  return windows_[WindowOf(unloaded, forecast)].factor;
}

void ForecastMargin::Observe(absl::Duration unloaded, const Forecast& forecast,
                             absl::Duration took) {
  const absl::Duration load = forecast.total - unloaded;
  if (load < kMuchLoad * unloaded) return;
  Window& window = windows_[WindowOf(unloaded, forecast)];
  window.ratios[window.next] = took == absl::InfiniteDuration()
                                   ? kGivenUp * window.factor
                                   : absl::FDivDuration(took - unloaded, load);
  window.next = (window.next + 1) % window.ratios.size();
  auto ratios = window.ratios;
  const auto margin = ratios.begin() + kMisses;
  std::nth_element(ratios.begin(), margin, ratios.end(), std::greater<>());
  window.factor = std::clamp(*margin, kLowest, kHighest);
}

size_t ForecastMargin::WindowOf(absl::Duration unloaded,
                                const Forecast& forecast) {
  const double load = absl::FDivDuration(forecast.total - unloaded, unloaded);
  // Also where nothing is known of the time: not a number.
  if (!(load > 1)) return 0;
  return static_cast<size_t>(
      std::min(std::log2(load), static_cast<double>(kNumWindows - 1)));
}

absl::Duration WithMargin(absl::Duration unloaded, const Forecast& forecast,
                          double factor) {
  return unloaded + factor * (forecast.total - unloaded);
}

}  // namespace cascade
