#pragma once

#include "absl/status/status.h"
#include "server/scheduler/scheduler_snapshot.h"

namespace cascade {

// What is true between any two moves. INTERNAL, and which rule broke:
//
// - each image that is not gone is in exactly one list, the one of its place;
// - a slot is taken exactly by each image that is resident, stepping or
// leaving,
//   and no lane has taken more than it has;
// - no image of an ended job waits for a slot or for a step;
// - the counts of queued, ready and begun images are those of the images.
absl::Status CheckInvariants(const SchedulerSnapshot& snapshot);

}  // namespace cascade
