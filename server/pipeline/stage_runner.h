#pragma once

#include <map>
#include <memory>
#include <span>
#include <utility>

#include "models/stage_executor.h"
#include "server/metrics/metrics.h"
#include "server/scheduler/step_plan.h"

namespace cascade {

// Runs a lane's steps of one stage: knows which image has which slot, admits,
// steps, pushes pictures, exports and releases. Owned by the lane's thread.
//
// A step that runs out of device memory is repeated once, in two halves. Any
// other failure is that of the step's images alone.
class StageRunner {
 public:
  // `metrics` outlives the runner.
  StageRunner(std::unique_ptr<StageExecutor> executor, StageMetrics& metrics);

  const ExecutorLimits& limits() const { return executor_->limits(); }

  // Runs one line of each image. Afterwards the images whose last line ran, or
  // whose report is an error, have no slot.
  StepReport Step(int stage_index, std::span<const PlannedImage> images);

  // Frees the slot of an image that will not go on.
  void Release(ImageId image);

 private:
  // An image that has a slot and takes part.
  struct Part {
    const PlannedImage* plan;
    ImageReport* report;
  };
  using Parts = std::span<const Part>;

  // Gives slots to those that have none; failures go to their reports.
  void Admit(std::span<const PlannedImage> images, StepReport& report);
  void Announce(int stage_index, Parts parts) const;
  // Steps all, or, short of memory, each half.
  void RunOrSplit(int stage_index, Parts parts);
  absl::Status Run(int stage_index, Parts parts);
  void Settle(int stage_index, const Part& part, RowOutcome outcome);

  const std::unique_ptr<StageExecutor> executor_;
  StageMetrics& metrics_;
  std::map<ImageId, Slot> slots_;
};

}  // namespace cascade
