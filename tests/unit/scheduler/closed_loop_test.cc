// What the real scheduler makes of many clients, in virtual time: steps take
// what their batch curve says, and each client asks again when it is served.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "server/scheduler/scheduler.h"
#include "tests/support/hand_lane.h"
#include "tests/support/laneless_scheduler.h"
#include "tests/support/scripted_engine.h"

namespace cascade {
namespace {

constexpr int kSteps = 10;

// Batching gains 4.5, 2.4 and 1.5 times.
std::vector<ScriptedStage> Stages() {
  return {{.resolution = 8,
           .costs = {{1, .004}, {2, .0046}, {4, .006}, {8, .009}, {32, .028}}},
          {.resolution = 16,
           .costs = {{1, .006}, {2, .008}, {4, .012}, {8, .021}, {32, .079}}},
          {.resolution = 32,
           .costs = {{1, .010}, {2, .016}, {4, .029}, {8, .056}, {32, .220}}}};
}

struct Figures {
  double images_per_second = 0;
  double mean_latency = 0;  // Seconds.
  double max_latency = 0;
};

class ClosedLoop {
 public:
  ClosedLoop(int num_clients, int num_lanes)
      : num_clients_(num_clients),
        scheduler_(ServeScripted(Stages(), num_lanes), Lanes(num_lanes)) {
    const ServedCascade served = ServeScripted(Stages());
    for (const ServedStage& stage : served.stages) {
      curves_.emplace_back(stage.lanes.at(0).limits);
    }
    for (int i = 0; i < num_lanes; ++i) lanes_.emplace_back(*scheduler_, i);
    step_ends_.resize(lanes_.size());
  }

  Figures Run(int num_images) {
    for (int i = 0; i < num_clients_; ++i) Submit();
    while (static_cast<int>(latencies_.size()) < num_images) {
      for (size_t i = 0; i < lanes_.size(); ++i) Start(i);
      FinishFirst();
    }
    Figures figures;
    figures.images_per_second = static_cast<double>(latencies_.size()) / now_;
    for (const double latency : latencies_) {
      figures.mean_latency += latency / static_cast<double>(latencies_.size());
      figures.max_latency = std::max(figures.max_latency, latency);
    }
    return figures;
  }

 private:
  static Scheduler::Options Lanes(int num_lanes) {
    Scheduler::Options options;
    options.num_lanes = num_lanes;
    return options;
  }

  void Submit() {
    GenerationRequest request =
        MakeRequest(**scheduler_->FindCascade("c"), next_seed_++);
    for (StageOptions& stage : request.stages) {
      stage.sampler.num_steps = kSteps;
    }
    began_[scheduler_->Submit(std::move(request))->id] = now_;
  }

  // Starts a step on an idle lane, if it has work.
  void Start(size_t lane) {
    while (!step_ends_[lane].has_value() && HasWork(static_cast<int>(lane))) {
      const StepPlan& plan = lanes_[lane].Take();
      if (plan.images.empty()) continue;
      int rows = 0;
      for (const PlannedImage& image : plan.images) rows += image.rows;
      const size_t stage = static_cast<size_t>(plan.stage.stage);
      const absl::Duration step_time = curves_[stage].StepTime(rows);
      lanes_[lane].SetStepTime(step_time);
      step_ends_[lane] = now_ + absl::ToDoubleSeconds(step_time);
    }
  }

  bool HasWork(int lane) {
    const SchedulerSnapshot snapshot = scheduler_->Snapshot();
    for (const LaneStageSnapshot& stage : snapshot.lanes) {
      if (stage.lane == lane && stage.slots_taken > 0) return true;
    }
    return !snapshot.ready.empty();
  }

  // Moves the time to the end of the first step that ends.
  void FinishFirst() {
    size_t first = 0;
    for (size_t i = 0; i < lanes_.size(); ++i) {
      if (step_ends_[i].value_or(1e9) < step_ends_[first].value_or(1e9)) {
        first = i;
      }
    }
    scheduler_.clock().Advance(absl::Seconds(*step_ends_[first] - now_));
    now_ = *step_ends_[first];
    step_ends_[first].reset();
    std::vector<JobId> served;
    for (const PlannedImage& image : lanes_[first].plan().images) {
      if (image.is_last() && !image.hands_over) {
        served.push_back(image.image.job);
      }
    }
    lanes_[first].Finish();
    for (const JobId job : served) {
      latencies_.push_back(now_ - began_[job]);
      Submit();
    }
  }

  const int num_clients_;
  LanelessScheduler scheduler_;
  std::vector<BatchCurve> curves_;
  std::vector<HandLane> lanes_;
  std::vector<std::optional<double>> step_ends_;  // None: idle.
  double now_ = 0;
  uint64_t next_seed_ = 1;
  std::map<JobId, double> began_;
  std::vector<double> latencies_;
};

TEST(ClosedLoopTest, ALoneClientSeesNothingButItsSteps) {
  const Figures figures = ClosedLoop(1, 2).Run(20);
  EXPECT_NEAR(figures.max_latency, kSteps * (.004 + .006 + .010), 1e-6);
}

TEST(ClosedLoopTest, TwoClientsHaveALaneEach) {
  const Figures figures = ClosedLoop(2, 2).Run(40);
  EXPECT_NEAR(figures.max_latency, kSteps * (.004 + .006 + .010), 1e-6);
}

TEST(ClosedLoopTest, ManyClientsComeCloseToTheBestBatches) {
  const double best = 2 / (kSteps * (.028 + .079 + .220) / 32);
  EXPECT_GT(ClosedLoop(32, 2).Run(500).images_per_second, 0.9 * best);
  EXPECT_GT(ClosedLoop(64, 2).Run(800).images_per_second, 0.92 * best);
}

TEST(ClosedLoopTest, MoreClientsNeverCostMuchThroughput) {
  double best = 0;
  for (const int clients : {1, 2, 4, 8, 16, 32, 64}) {
    const double rate = ClosedLoop(clients, 2).Run(200).images_per_second;
    EXPECT_GT(rate, 0.85 * best) << clients << " clients";
    best = std::max(best, rate);
  }
}

TEST(ClosedLoopTest, NobodyIsLeftBehind) {
  const Figures figures = ClosedLoop(32, 2).Run(600);
  EXPECT_LT(figures.max_latency, 3 * figures.mean_latency);
}

}  // namespace
}  // namespace cascade
