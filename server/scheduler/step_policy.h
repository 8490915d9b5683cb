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
  int rows = 1;  // Network rows of its next line.
  // Its priority: 0 goes first. `effective_rank` is better when its priority
  // has not had a step for too long.
  int rank = 0;
  int effective_rank = 0;
  // Quanta of device time that its tenant has had beyond the fair share.
  int tenant_lead = 0;
  absl::Time due = absl::InfiniteFuture();
  absl::Duration stage_work;  // Left in this stage, in full batches.
  absl::Duration path_work;   // Left to its target stage, likewise.
  // Since its last step. Of an image without a slot: since it could have got
  // one (it came, or one before it was taken).
  absl::Duration waited;
  bool needs_credit = false;  // To enter the stage.
  bool has_begun = false;
  // Where its last slot was; -1: that lane does not run the stage.
  int last_lane = -1;
};

struct StageView {
  StageId stage;
  const BatchCurve* curve = nullptr;
  std::vector<ImageView> resident;  // With a slot on this lane, in any order.
  // For any lane: of each priority and tenant the first few, or all, as they
  // are due.
  std::vector<ImageView> ready;
  int free_slots = 0;
  // By rank: credits that an image of it may take.
  std::vector<int> credits;
};

// A lane that asks for work.
struct LaneView {
  int lane = 0;
  std::vector<StageView> stages;  // That it runs.
  // Images that wait for one of them and could enter it.
  int num_ready = 0;
  // Lanes beside this one that could take them and have nothing to do.
  int idle_lanes = 0;
  // Images that this lane serves, and its share of the ready ones.
  int num_images = 1;
  // Left in the stages that this lane's images are in.
  absl::Duration lane_work;
  // This lane's equal part of the work at its stages: of what has a slot on any
  // lane, and of what is ready.
  absl::Duration fair_work;
};

struct StepChoice {
  StageId stage;
  std::vector<ImageId> resident;
  std::vector<ImageId> ready;  // To be admitted.
  // Residents of the stage that lose their slots to ready ones of a better
  // rank.
  std::vector<ImageId> parked;
};

// None: nothing to do. A chosen step fits the stage's rows, slots and credits.
//
// One order decides who goes first: effective rank, then the tenant's lead,
// then who is due earlier, then who has less work left.
//
// 1. The batch of each stage: resident and ready images in that order, up to
//    the curve's preferred rows. Images of a worse rank than the first one join
//    while the step takes at most twice as long for it. A lane takes ready
//    images while it has less than its fair share of the work, and leaves one
//    to each idle lane. Where there is no slot for a ready image, a resident
//    one of a worse rank is parked.
// 2. Of the stages, the one whose best image has the better rank, then the
//    smaller tenant's lead goes first, then the one of which an image has
//    waited longer than taking turns would cost.
// 3. Otherwise the stages whose batch is efficient (rows per second over the
//    stage's best) within 5 % of the best of them compete, and the one whose
//    best image is due earlier wins. So full batches run, and small ones gather
//    company while the device does something useful. A device never idles to
//    wait for a batch.
std::optional<StepChoice> ChooseStep(const LaneView& lane);

}  // namespace cascade
