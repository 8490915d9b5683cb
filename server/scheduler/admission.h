#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace cascade {

// The door: a pure function that accepts or refuses a request.

struct AdmissionLimits {
  int max_queued_images = 1024;     // Images admitted that have not begun.
  int max_images_per_request = 64;  // At most max_queued_images.
};

struct AdmissionLoad {
  int queued_images = 0;
  bool draining = false;
  absl::Duration backlog;  // Time until the lanes have done what they have.
};

// RESOURCE_EXHAUSTED with QUEUE_FULL and a delay to retry after, UNAVAILABLE
// with DRAINING, or INVALID_ARGUMENT for an `image_count` that never fits.
absl::Status Admit(const AdmissionLimits& limits, const AdmissionLoad& load,
                   int image_count);

}  // namespace cascade
