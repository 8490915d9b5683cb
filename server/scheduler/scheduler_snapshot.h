#pragma once

#include <utility>
#include <vector>

#include "server/scheduler/image_place.h"
#include "server/scheduler/step_plan.h"

namespace cascade {

// Where everything is at one moment, as values.

struct ImageSnapshot {
  ImageId image;
  StageId stage;
  ImagePlace place = ImagePlace::kGone;
  int lane = -1;
  bool begun = false;
  bool job_ended = false;
};

struct LaneStageSnapshot {
  int lane = 0;
  StageId stage;
  int slots = 0;
  int slots_taken = 0;
  std::vector<ImageId> resident;
  std::vector<ImageId> leaving;
};

struct SchedulerSnapshot {
  std::vector<ImageSnapshot> images;  // Of all jobs, gone ones included.
  std::vector<std::pair<StageId, ImageId>> ready;
  std::vector<LaneStageSnapshot> lanes;  // Each stage of each lane.
  int queued = 0;
  int in_flight = 0;
  int num_ready = 0;
};

}  // namespace cascade
