#include "server/scheduler/work_forecast.h"

#include <algorithm>
#include <vector>

namespace cascade {
namespace {

// While a job runs with others, half of what they get done comes anew.
constexpr double kCompany = 1.5;

// The work that competes with a job.
struct Competition {
  absl::Duration total;
  absl::Duration more_urgent;  // Of higher priority: all of it goes first.
  absl::Duration ahead;        // Of the same tenant, due earlier.
  std::vector<absl::Duration> of_tenant;  // Of the other tenants.
};

Competition Sort(const ForecastInput& input) {
  Competition work;
  work.of_tenant.resize(input.weights.size());
  for (const JobWork& other : input.others) {
    work.total += other.work;
    if (other.rank < input.self.rank) {
      work.more_urgent += other.work;
    } else if (other.rank > input.self.rank) {
      continue;
    } else if (other.tenant != input.self.tenant) {
      work.of_tenant[static_cast<size_t>(other.tenant)] += other.work;
    } else if (other.due <= input.self.due) {
      work.ahead += other.work;
    }
  }
  return work;
}

// What the lanes do until the tenant of the job has had `own` done.
absl::Duration DoneUntil(absl::Duration own, const Competition& work,
                         const ForecastInput& input) {
  const auto weight = [&input](size_t tenant) { return input.weights[tenant]; };
  const double own_weight = weight(static_cast<size_t>(input.self.tenant));
  absl::Duration done = work.more_urgent + own;
  for (size_t tenant = 0; tenant < work.of_tenant.size(); ++tenant) {
    done +=
        std::min(work.of_tenant[tenant], own * (weight(tenant) / own_weight));
  }
  return done;
}

}  // namespace

Forecast Predict(const ForecastInput& input) {
  const Competition work = Sort(input);
  const absl::Duration wait = DoneUntil(work.ahead, work, input) / input.lanes;
  const absl::Duration done =
      DoneUntil(work.ahead + input.self.work, work, input) / input.lanes;
  const absl::Duration in_company =
      std::min(wait + input.loaded,
               input.unloaded + kCompany * work.total / input.lanes);
  return {.wait = wait,
          .total = std::max({wait + input.unloaded, in_company, done})};
}

}  // namespace cascade
