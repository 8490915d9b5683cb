#pragma once

#include <vector>

#include "absl/time/time.h"
#include "server/scheduler/image_board.h"
#include "server/scheduler/job.h"

namespace cascade {

// What jobs will cost, by what steps have cost so far. Pure functions.

// Wall time of one image from its next line to its end, alone on idle lanes.
absl::Duration UnloadedLeft(const StageTable& table, const Image& image);

// Wall time of one step of all images of a job in a stage, alone on idle lanes.
absl::Duration JobStepTime(const StageTable& table, const Job& job, int stage);

// Wall time of a whole job, alone on idle lanes.
absl::Duration UnloadedTime(const StageTable& table, const Job& job);

// Likewise, were each of its steps in a full batch of others.
absl::Duration LoadedTime(const StageTable& table, const Job& job);

// Device time of a job that has not begun, in full batches, by stage from its
// first one on.
std::vector<absl::Duration> WorkByStage(const StageTable& table,
                                        const Job& job);

// Wall time until the job's lanes have done what its images still have to do
// below `stage`.
absl::Duration WorkBelow(const ImageBoard& board, const Job& job, int stage);

// What there is to do at one stage.
struct StageLoad {
  int active = 0;   // Images with a slot.
  int waiting = 0;  // Images that wait for one.
  int credits = 0;  // In use, of the stage's inbox.
  // Wall time until its lanes have done what is at it or will come to it.
  absl::Duration backlog;
};

// Of the stages of a cascade.
std::vector<StageLoad> StageLoads(const ImageBoard& board, CascadeId cascade,
                                  size_t num_stages);

}  // namespace cascade
