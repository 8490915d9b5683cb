#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/scheduler/scheduler.h"
#include "tests/support/hand_lane.h"
#include "tests/support/laneless_scheduler.h"
#include "tests/support/scripted_engine.h"

namespace cascade {

// Three stages that gain 4.5, 2.4 and 1.5 times from batches.
inline std::vector<ScriptedStage> BatchingStages() {
  return {{.resolution = 8,
           .costs = {{1, .004}, {2, .0046}, {4, .006}, {8, .009}, {32, .028}}},
          {.resolution = 16,
           .costs = {{1, .006}, {2, .008}, {4, .012}, {8, .021}, {32, .079}}},
          {.resolution = 32,
           .costs = {{1, .010}, {2, .016}, {4, .029}, {8, .056}, {32, .220}}}};
}

// The real scheduler over BatchingStages(), with lanes in virtual time: a step
// takes what its stage's costs say.
class VirtualServer {
 public:
  explicit VirtualServer(const Scheduler::Options& options)
      : scheduler_(ServeScripted(BatchingStages(), options.num_lanes), options),
        step_ends_(static_cast<size_t>(options.num_lanes),
                   absl::InfiniteFuture()) {
    for (const ServedStage& stage : ServeScripted(BatchingStages()).stages) {
      costs_.emplace_back(stage.lanes.at(0).limits);
    }
    for (int i = 0; i < options.num_lanes; ++i) {
      lanes_.emplace_back(*scheduler_, i);
    }
  }

  absl::Time Now() { return scheduler_.clock().Now(); }
  Scheduler& scheduler() { return *scheduler_; }

  // One image with `steps` in each stage.
  GenerationRequest Request(int steps) {
    GenerationRequest request =
        MakeRequest(**scheduler_->FindCascade("c"), next_seed_++);
    for (StageOptions& stage : request.stages) stage.sampler.num_steps = steps;
    return request;
  }

  // Lets idle lanes start steps. Returns whether any lane is at one.
  bool StartSteps() {
    for (size_t i = 0; i < lanes_.size(); ++i) Start(i);
    return std::any_of(lanes_.begin(), lanes_.end(),
                       [](const HandLane& lane) { return lane.is_stepping(); });
  }

  // Starts steps and moves the time to the first end of one, or to `until` if
  // that is earlier. Returns the jobs that are done.
  std::vector<JobId> Run(absl::Time until = absl::InfiniteFuture()) {
    StartSteps();
    const auto first = std::min_element(step_ends_.begin(), step_ends_.end());
    if (until < *first) {
      scheduler_.clock().Advance(until - Now());
      return {};
    }
    scheduler_.clock().Advance(*first - Now());
    *first = absl::InfiniteFuture();
    return Finish(lanes_[static_cast<size_t>(first - step_ends_.begin())]);
  }

 private:
  void Start(size_t i) {
    HandLane& lane = lanes_[i];
    while (!lane.is_stepping()) {
      std::optional<StepPlan> plan =
          scheduler_->TryNextPlan(static_cast<int>(i));
      if (!plan.has_value()) return;
      lane.Take(*std::move(plan));
      int rows = 0;
      for (const PlannedImage& image : lane.plan().images) rows += image.rows;
      const size_t stage = static_cast<size_t>(lane.plan().stage.stage);
      const absl::Duration time = costs_[stage].StepTime(rows);
      lane.SetStepTime(time);
      if (lane.is_stepping()) step_ends_[i] = Now() + time;
    }
  }

  static std::vector<JobId> Finish(HandLane& lane) {
    std::vector<JobId> done;
    for (const PlannedImage& image : lane.plan().images) {
      if (image.is_last() && !image.hands_over) done.push_back(image.image.job);
    }
    lane.Finish();
    return done;
  }

  LanelessScheduler scheduler_;
  std::vector<BatchCurve> costs_;  // By stage. These learn nothing.
  std::deque<HandLane> lanes_;
  std::vector<absl::Time> step_ends_;  // By lane; in the infinite future: idle.
  uint64_t next_seed_ = 1;
};

}  // namespace cascade
