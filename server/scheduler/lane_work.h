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

  // The step of the plan that the lane got last is over. Every picture of the
  // step has been pushed. Not called for a plan without a step.
  virtual void StepDone(int lane, StepReport report) = 0;
};

}  // namespace cascade
