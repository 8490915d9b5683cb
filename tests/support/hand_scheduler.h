#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/scheduler/scheduler.h"
#include "server/scheduler/scheduler_invariants.h"
#include "tests/support/hand_lane.h"
#include "tests/support/laneless_scheduler.h"
#include "tests/support/scripted_engine.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stream_reader.h"

namespace cascade {

// A scheduler with hand lanes over the cascade "c": tests submit, take plans
// and finish them, one at a time.
class HandScheduler {
 public:
  HandScheduler(std::vector<ScriptedStage> stages, Scheduler::Options options)
      : stages_(std::move(stages)),
        scheduler_(ServeScripted(stages_, options.num_lanes), options) {
    for (int i = 0; i < options.num_lanes; ++i) {
      lanes_.push_back(std::make_unique<HandLane>(*scheduler_, i));
    }
  }

  Scheduler* operator->() { return &*scheduler_; }
  Scheduler& operator*() { return *scheduler_; }
  FakeClock& clock() { return scheduler_.clock(); }
  Metrics& metrics() { return scheduler_.metrics(); }
  HandLane& lane(size_t index = 0) { return *lanes_[index]; }

  GenerationRequest Request(uint64_t seed, int image_count = 1) const {
    return MakeRequest(*ServeScripted(stages_).spec, seed, image_count);
  }

  Admitted Submit(GenerationRequest request) {
    absl::StatusOr<Admitted> admitted = scheduler_->Submit(std::move(request));
    EXPECT_OK(admitted);
    return *admitted;
  }

  // The next plan of a lane; none: it has nothing to do.
  const StepPlan* Take(size_t index = 0) {
    std::optional<StepPlan> plan =
        scheduler_->TryNextPlan(static_cast<int>(index));
    if (!plan.has_value()) return nullptr;
    return &lane(index).Take(*std::move(plan));
  }

  // Takes and finishes a plan, in which `step_time` passes. False: there was
  // none.
  bool Step(absl::Duration step_time, size_t index = 0) {
    if (Take(index) == nullptr) return false;
    clock().Advance(step_time);
    lane(index).SetStepTime(step_time);
    if (lane(index).is_stepping()) lane(index).Finish();
    EXPECT_OK(CheckInvariants(scheduler_->Snapshot()));
    return true;
  }

  // Steps on the first lane until nothing is left to do.
  void RunAll(absl::Duration step_time) {
    while (Step(step_time)) continue;
  }

  // Every event of a stream, and its end.
  static absl::Status EndOf(const Admitted& job,
                            std::vector<EncodedJobEvent>* events = nullptr) {
    return StreamReader(job.events).ReadAll(events);
  }

 private:
  const std::vector<ScriptedStage> stages_;
  LanelessScheduler scheduler_;
  std::vector<std::unique_ptr<HandLane>> lanes_;
};

}  // namespace cascade
