#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "client/load_session.h"

namespace cascade {

// Clients that each have one request at a time, over a channel of their own if
// `session` has as many. Sends `count` requests (0: no limit), none after
// `duration`, numbered from `first_index` on; blocks until all are done.
void RunClosedLoop(LoadSession& session, int clients, int64_t first_index,
                   int64_t count, absl::Duration duration);

}  // namespace cascade
