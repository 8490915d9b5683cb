#pragma once

#include "absl/time/time.h"
#include "server/scheduler/work_forecast.h"

namespace cascade {

// How much longer than forecast jobs take: learned from how forecasts came
// true. Of a forecast, the time of the job alone is what it is; what the load
// adds is multiplied by the margin, so that 199 of 200 jobs are done by then.
//
// The margin rises by 5 % with each job that takes longer and falls by a
// two-hundredth of that with each one that does not (the stochastic
// approximation of a quantile). Jobs without much load around them teach
// nothing about it. A value.
class ForecastMargin {
 public:
  double factor() const { return factor_; }

  // A job that takes `unloaded` alone and was forecast so has taken `took`;
  // infinite: it was given up.
  void Observe(absl::Duration unloaded, const Forecast& forecast,
               absl::Duration took);

 private:
  double factor_ = 1.5;
};

// The forecast's total time, with the margin.
absl::Duration WithMargin(absl::Duration unloaded, const Forecast& forecast,
                          double factor);

}  // namespace cascade
