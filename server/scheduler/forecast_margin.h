#pragma once

#include <array>
#include <cstddef>

#include "absl/time/time.h"
#include "server/scheduler/work_forecast.h"

namespace cascade {

// How much longer than forecast jobs take: learned from how forecasts came
// true. Of a forecast, the time of the job alone is what it is; what the load
// adds is multiplied by the margin, so that 99 of 100 jobs are done by then.
//
// The margin is a quantile, over the last jobs with about as much load around
// them, of the time that the load took over what was forecast of it. (The
// forecast of a long queue is relatively more certain than that of a short
// one.) Jobs without much load around them teach nothing about it. A value.
class ForecastMargin {
 public:
  ForecastMargin();

  // What the load of this forecast is to be multiplied by, for a job that takes
  // `unloaded` alone.
  double Factor(absl::Duration unloaded, const Forecast& forecast) const;

  // A job that takes `unloaded` alone and was forecast so has taken `took`;
  // infinite: it was given up.
  void Observe(absl::Duration unloaded, const Forecast& forecast,
               absl::Duration took);

 private:
  // The last jobs of about the same load.
  struct Window {
    std::array<double, 256> ratios;
    size_t next = 0;  // The oldest of them.
    double factor = 0;
  };

  // By how often the load doubles the time of the job alone; the last one is
  // that of all heavier loads.
  static constexpr size_t kNumWindows = 6;
  static size_t WindowOf(absl::Duration unloaded, const Forecast& forecast);

  std::array<Window, kNumWindows> windows_;
};

// The forecast's total time, with the margin.
absl::Duration WithMargin(absl::Duration unloaded, const Forecast& forecast,
                          double factor);

}  // namespace cascade
