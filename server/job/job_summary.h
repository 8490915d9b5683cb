#pragma once

#include <string>

#include "absl/time/time.h"

namespace cascade {

// What a job came to, however it ended: for whoever writes its line in the log.
struct JobSummary {
  std::string tenant;  // On whose account it ran.
  // From admission to the first step; to the end, if there was none.
  absl::Duration queued = absl::ZeroDuration();
  absl::Duration total = absl::ZeroDuration();  // From admission to the end.
  // Of all its images: their shares of the steps.
  absl::Duration device_time = absl::ZeroDuration();
};

}  // namespace cascade
