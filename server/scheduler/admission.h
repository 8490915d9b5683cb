#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/scheduler/work_forecast.h"

namespace cascade {

// The door: pure functions that accept or refuse a request.

struct AdmissionLimits {
  int max_queued_images = 1024;  // Images admitted that have not begun.
  int max_images_per_request = 64;
};

struct AdmissionLoad {
  int queued_images = 0;  // Of this cascade.
  bool draining = false;
  // Time until the lanes have done what they have.
  absl::Duration backlog = absl::ZeroDuration();
  std::string tenant = {};
  int tenant_images = 0;  // Admitted and not done.
  int tenant_max_images = 1 << 20;
};

// RESOURCE_EXHAUSTED with QUEUE_FULL or TENANT_LIMIT and a delay to retry
// after, UNAVAILABLE with DRAINING, or INVALID_ARGUMENT for an `image_count`
// that never fits.
absl::Status Admit(const AdmissionLimits& limits, const AdmissionLoad& load,
                   int image_count);

struct TimeCheck {
  absl::Duration left = absl::InfiniteDuration();  // Until the deadline.
  // Wall time of the job alone on an idle server.
  absl::Duration unloaded = absl::ZeroDuration();
  Forecast forecast = {};
  // The job would make others late that were admitted.
  bool delays_others = false;
  // What the load may add, over what it adds by the forecast.
  double margin = 1;
};

// DEADLINE_EXCEEDED with DEADLINE_UNREACHABLE for what an idle server could not
// do in time either: no retry helps. RESOURCE_EXHAUSTED with DEADLINE_AT_RISK
// when only the load is to blame, and a delay after which the same time would
// be enough, or when others would pay for it.
absl::Status CheckDeadline(const TimeCheck& check);

}  // namespace cascade
