#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "models/stage_executor.h"
#include "server/metrics/metrics.h"
#include "server/pipeline/guarded_executor.h"
#include "server/scheduler/step_plan.h"

namespace cascade {

// Runs a lane's steps of one stage: knows which image has which slot, admits,
// steps, pushes pictures, exports and releases. Owned by the lane's thread.
//
// A step that runs out of device memory is repeated once, in two halves. Any
// other failure is that of the step's images alone, unless the device is lost.
class StageRunner {
 public:
  // `metrics` outlives the runner.
  StageRunner(std::unique_ptr<StageExecutor> executor, StageMetrics& metrics);

  // OK; or why the device is lost: what was reported since is void, and nothing
  // more is to be asked for.
  const absl::Status& loss() const { return executor_.loss(); }

  // Runs one line of each image. Afterwards the images whose last line ran, or
  // whose report is an error, have no slot. Leaves out the images whose jobs
  // have ended: CANCELLED.
  std::vector<ImageReport> Step(int stage_index,
                                std::span<const PlannedImage> images);

  // Takes an image out of its slot, to go on later.
  ParkReport Park(ImageId image);

  // Frees the slot of an image that will not go on.
  void Release(ImageId image);

 private:
  // An image of a step.
  struct Part {
    const PlannedImage* plan;
    ImageReport* report;
  };
  using Parts = std::span<const Part>;

  // Those that go on: nothing failed, and their jobs have not ended.
  static std::vector<Part> Remaining(Parts parts);

  // Gives slots to those whose plans say so; failures go to their reports.
  void Admit(Parts parts);
  void Announce(int stage_index, Parts parts) const;
  // Steps all, or, short of memory, each half.
  void RunOrSplit(int stage_index, Parts parts);
  // One step of those that remain.
  absl::Status Run(int stage_index, Parts parts);
  void Settle(int stage_index, const Part& part, RowOutcome outcome);

  GuardedExecutor executor_;
  StageMetrics& metrics_;
  std::map<ImageId, Slot> slots_;
};

}  // namespace cascade
