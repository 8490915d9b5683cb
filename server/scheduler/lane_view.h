#pragma once

#include <array>

#include "absl/time/time.h"
#include "server/job/generation_request.h"
#include "server/scheduler/fair_share.h"
#include "server/scheduler/image_board.h"
#include "server/scheduler/step_policy.h"

namespace cascade {

// What orders images beyond the board.
struct Ranking {
  const FairShare* tenants = nullptr;
  // By priority: it has had no step for too long, and its images go first.
  std::array<bool, kNumPriorities> is_starved = {};
  // The policy looks at all that is ready, not at the first few of each
  // priority and tenant.
  bool shows_all = false;
};

// Whether an image waits that the lane could take.
bool HasReadyImage(const ImageBoard& board, int lane);

// The snapshot that the step policy decides on. `idle_lanes[i]`: lane i has
// nothing to do.
LaneView MakeLaneView(const ImageBoard& board, int lane,
                      const std::vector<bool>& idle_lanes,
                      const Ranking& ranking, absl::Time now);

}  // namespace cascade
