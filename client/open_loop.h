#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "client/load_arrivals.h"
#include "client/load_session.h"

namespace cascade {

// Requests that come when they come, whatever the server does. Their latency
// counts from when they were due, so that a slow server or a late load tool
// does not hide behind the requests that it delays (coordinated omission).
struct OpenLoop {
  ArrivalKind arrivals = ArrivalKind::kPoisson;
  double rate = 1;  // Requests per second.
  // What would go beyond is counted as not sent.
  int max_outstanding = 1024;

  // Sends `count` requests (0: no limit), none due after `duration`, numbered
  // from `first_index` on; blocks until the last one is sent. Not both without
  // limit.
  void Run(LoadSession& session, int64_t first_index, int64_t count,
           absl::Duration duration) const;
};

}  // namespace cascade
