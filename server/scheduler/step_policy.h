#pragma once

#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "server/scheduler/batch_curve.h"
#include "server/scheduler/step_plan.h"

namespace cascade {

// The choice of a lane's next step: a pure function over a snapshot.

// An image that could take part.
struct ImageView {
  ImageId image;
  int rows = 1;               // Network rows of its next line.
  absl::Duration stage_work;  // Left in this stage, in full batches.
  absl::Duration path_work;   // Left to its target stage, likewise.
  // Since its last step. Of an image without a slot: since it could have got
  // one (it came, or one before it was taken).
  absl::Duration waited;
};

struct StageView {
  StageId stage;
  const BatchCurve* curve = nullptr;
  std::vector<ImageView> resident;  // With a slot on this lane, in any order.
  std::vector<ImageView> ready;     // For any lane, in arrival order.
  int free_slots = 0;
};

// A lane that asks for work.
struct LaneView {
  std::vector<StageView> stages;
  // Images for any lane to take: over all stages, those that may begin
  // included.
  int num_ready = 0;
  // Images that may begin: what the bound on images in flight leaves.
  int may_begin = 0;
  // Lanes beside this one that have nothing to do.
  int idle_lanes = 0;
  // Images that this lane serves, and its share of the ready ones.
  int num_images = 1;
  // Left in the stages that this lane's images are in.
  absl::Duration lane_work;
  // An equal part, for each lane, of the work of all lanes and of what is
  // ready.
  absl::Duration fair_work;
};

struct StepChoice {
  StageId stage;
  std::vector<ImageId> resident;
  std::vector<ImageId> ready;  // To be admitted.
};

// None: nothing to do. A chosen step fits the stage's rows and slots.
//
// 1. The batch of each stage: resident images, least work left first, then
// ready
//    ones in arrival order, up to the curve's preferred rows. A lane takes
//    ready images while it has less than its fair share of the work, and leaves
//    one to each idle lane.
// 2. An image that has waited twice as long as taking turns would cost it makes
//    its stage go first; the longest such wait wins.
// 3. Otherwise the stages whose batch is efficient (rows per second over the
//    stage's best) within 5 % of the best of them compete, and the image with
//    the least work left to its end decides. So full batches run, small ones
//    gather company while the device does something useful, and images that are
//    almost done leave first. A device never idles to wait for a batch.
std::optional<StepChoice> ChooseStep(const LaneView& lane);

}  // namespace cascade
