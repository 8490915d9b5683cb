#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "models/stage_executor.h"
#include "server/job/event_stream.h"
#include "server/scheduler/generator.h"

namespace cascade {

// One image of one job.
struct ImageId {
  JobId job = 0;
  int index = 0;

  auto operator<=>(const ImageId&) const = default;
};

// One loaded version of a cascade. Never used again after it is unloaded.
using CascadeId = int;

// One stage of one cascade.
struct StageId {
  CascadeId cascade = 0;
  int stage = 0;

  auto operator<=>(const StageId&) const = default;
};

// An image's part in a step.
struct PlannedImage {
  ImageId image;
  // How to admit it into the stage's executor first; none: it has a slot.
  std::optional<ImagePlan> admit;
  int rows = 1;  // Network rows of this line.
  int line = 0;  // The line that runs, from 0.
  int num_lines = 0;
  bool wants_pixels = false;  // A preview, or the stage image on the last line.
  bool hands_over = false;    // Its float output is wanted after the last line.
  // The stage stops early, and its image is an estimate.
  bool stops_early = false;
  // The output also goes to the client, with the pixels.
  bool returns_state = false;
  uint64_t image_seed = 0;
  // Where its pictures go.
  std::shared_ptr<EventStream> events;
  // Becomes true when the job ends. The lane looks at it last before it submits
  // the step, and then leaves the image out: its report is CANCELLED.
  std::shared_ptr<const std::atomic<bool>> ended;

  bool is_last() const { return line + 1 == num_lines; }
};

// An image whose slot is to be freed.
struct SlotRelease {
  StageId stage;
  ImageId image;
};

// An image whose slot is to be freed for another one. It goes on later.
using SlotPark = SlotRelease;

// What a lane does next: releases, parks, and then the step. Each may be
// missing.
struct StepPlan {
  std::vector<SlotRelease> releases;
  std::vector<SlotPark> parks;
  StageId stage;
  std::vector<PlannedImage> images;
};

// What became of one image of a step. Whenever its last line has run or the
// status is an error, the lane has freed its slot.
struct ImageReport {
  ImageId image;
  absl::Status status;
  // After the last line, if the plan said `hands_over`.
  std::shared_ptr<const StageOutput> output;
  absl::Duration device_time;  // Its share of the step.
};

// A parked image, or why it could not be parked and is lost. Its slot is free.
struct ParkReport {
  ImageId image;
  absl::StatusOr<std::shared_ptr<const ParkedImage>> parked;
};

// What became of a plan that had images or parks.
struct StepReport {
  std::vector<ImageReport> images;  // In the order of the plan's.
  std::vector<ParkReport> parks;    // Likewise.
};

}  // namespace cascade
