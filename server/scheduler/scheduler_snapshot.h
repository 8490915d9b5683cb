#pragma once

#include <cstdint>
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
  bool holds_credit = false;
  bool is_parked = false;
  bool needs_credit = false;  // To enter its stage.
  int rows_left = 0;          // In its stage.
  bool job_ended = false;
};

struct LaneStageSnapshot {
  int lane = 0;
  StageId stage;
  int slots = 0;
  int slots_taken = 0;
  std::vector<ImageId> resident;
  std::vector<ImageId> leaving;
  std::vector<ImageId> parking;  // Without a slot.
};

struct StageSnapshot {
  StageId stage;
  int inbox = 0;  // Credits in use.
  int inbox_limit = 0;
  int64_t rows_left = 0;
};

struct SchedulerSnapshot {
  std::vector<ImageSnapshot> images;  // Of all jobs, gone ones included.
  std::vector<std::pair<StageId, ImageId>> ready;
  std::vector<LaneStageSnapshot> lanes;  // Each stage of each lane.
  std::vector<StageSnapshot> stages;
  int queued = 0;
  int in_flight = 0;
};

}  // namespace cascade
