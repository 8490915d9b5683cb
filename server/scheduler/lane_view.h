#pragma once

#include "absl/time/time.h"
#include "server/scheduler/image_board.h"
#include "server/scheduler/step_policy.h"

namespace cascade {

// How many images may begin, with at most `max_in_flight` begun and not gone.
int MayBegin(const ImageBoard& board, int max_in_flight);

// Images that a lane could take: queued ones that may begin, and all between
// stages.
int NumReady(const ImageBoard& board, int max_in_flight);

// Work of everything on the board, in full batches.
absl::Duration TotalWork(const ImageBoard& board);

// The snapshot that the step policy decides on.
LaneView MakeLaneView(const ImageBoard& board, int lane, int idle_lanes,
                      int max_in_flight, absl::Time now);

}  // namespace cascade
