#pragma once

#include <optional>

#include "server/scheduler/step_plan.h"

namespace cascade {

// Where lanes get their work; the Scheduler implements it. Thread-safe.
class LaneWork {
 public:
  virtual ~LaneWork() = default;

  // Blocks until there is something for `lane` to do; none: the lane is to end.
  virtual std::optional<StepPlan> NextPlan(int lane) = 0;

  // The plan that the lane got last is done. Every picture of the step has been
  // pushed. Not called for a plan that has only releases.
  virtual void StepDone(int lane, StepReport report) = 0;

  // The lane's device is lost, and the lane ends: whatever it holds is gone,
  // with the plan that it got last. In place of StepDone().
  virtual void LaneLost(int lane, absl::Status why) = 0;
};

}  // namespace cascade
