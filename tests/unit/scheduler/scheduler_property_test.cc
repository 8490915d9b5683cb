#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "server/scheduler/scheduler.h"
#include "server/scheduler/scheduler_invariants.h"
#include "tests/support/hand_lane.h"
#include "tests/support/laneless_scheduler.h"
#include "tests/support/scripted_engine.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stream_reader.h"

namespace cascade {
namespace {

constexpr int kLanes = 3;
constexpr int kInbox = 7;

// Three stages of different habits; few slots, so that bounds are met.
std::vector<ScriptedStage> Stages() {
  return {{.resolution = 8,
           .slots = 6,
           .batch_rows = {1, 2, 4, 8},
           .costs = {{1, 0.005}, {2, 0.0055}, {4, 0.0065}, {8, 0.008}}},
          {.resolution = 16, .slots = 5, .batch_rows = {1, 2, 4}},
          {.resolution = 32,
           .slots = 4,
           .batch_rows = {1, 2, 4},
           .costs = {{1, 0.05}, {2, 0.1}, {4, 0.2}}}};
}

ServedCascade Cascade() {
  ServedCascade cascade = ServeScripted(Stages(), kLanes);
  cascade.queue.max_queued_images = 20;
  return cascade;
}

Scheduler::Options Bounds() {
  Scheduler::Options options;
  options.num_lanes = kLanes;
  options.inbox_capacity = kInbox;
  options.max_images_per_request = 5;
  options.tenants.named = {{"a", {.weight = 2}}, {"b", {}}};
  options.priority_ageing = absl::Milliseconds(200);
  return options;
}

// Drives a scheduler and hand lanes by a random schedule, and checks the
// invariants after every move.
class RandomSchedule {
 public:
  explicit RandomSchedule(unsigned seed)
      : random_(seed), scheduler_(Cascade(), Bounds()) {
    for (int i = 0; i < kLanes; ++i) {
      lanes_.push_back(std::make_unique<HandLane>(*scheduler_, i));
    }
  }

  void Run(int moves) {
    for (int i = 0; i < moves; ++i) {
      Move();
      Check();
    }
    while (RunALane()) Check();
    for (const auto& lane : lanes_) EXPECT_EQ(lane->num_slots(), 0u);
    EXPECT_TRUE(scheduler_->Snapshot().images.empty());
    EXPECT_TRUE(scheduler_->WaitUntilIdle(absl::InfinitePast()));
    CheckStreams();
  }
  size_t num_parks() const { return num_parks_; }

 private:
  int Below(int n) {
    return static_cast<int>(random_() % static_cast<unsigned>(n));
  }

  void Move() {
    scheduler_.clock().Advance(absl::Milliseconds(Below(20)));
    switch (Below(8)) {
      case 0:
      case 1:
        return Submit();
      case 2:
        return Cancel();
      default:
        RunALane();
    }
  }

  void Submit() {
    GenerationRequest request =
        MakeRequest(*(*scheduler_->FindCascade("c")), random_(), 1 + Below(5));
    request.target_stage = Below(3);
    request.stages.resize(static_cast<size_t>(request.target_stage) + 1);
    for (StageOptions& stage : request.stages) {
      stage.sampler.num_steps = 1 + Below(6);
      stage.sampler.guidance.scale = Below(2) == 0 ? 1.0 : 3.0;
      stage.sampler.guidance.interval_end = Below(2) == 0 ? 1.0 : 0.5;
    }
    request.priority = static_cast<Priority>(Below(3));
    request.tenant = Below(2) == 0 ? "a" : "b";
    if (Below(4) == 0) {
      request.deadline =
          scheduler_.clock().Now() + absl::Milliseconds(1 + Below(3000));
      request.deadline_policy = static_cast<DeadlinePolicy>(Below(2));
    }
    absl::StatusOr<Admitted> admitted = scheduler_->Submit(std::move(request));
    if (!admitted.ok()) return;
    jobs_.push_back(*std::move(admitted));
    if (request.deadline < absl::InfiniteFuture())
      timed_.insert(jobs_.back().id);
  }

  void Cancel() {
    if (jobs_.empty()) return;
    const Admitted& job = jobs_[random_() % jobs_.size()];
    scheduler_->Cancel(job.id, absl::CancelledError("random"));
    cancelled_.insert(job.id);
  }

  // Takes or finishes a step of a lane; false if none can.
  bool RunALane() {
    const size_t first = random_() % lanes_.size();
    for (size_t i = 0; i < lanes_.size(); ++i) {
      const size_t index = (first + i) % lanes_.size();
      if (lanes_[index]->is_stepping()) {
        Finish(*lanes_[index]);
        return true;
      }
      std::optional<StepPlan> plan =
          scheduler_->TryNextPlan(static_cast<int>(index));
      if (!plan.has_value()) {
        CheckNothingToDo(static_cast<int>(index));
        continue;
      }
      for (const PlannedImage& image : plan->images) {
        EXPECT_FALSE(cancelled_.contains(image.image.job));
      }
      num_parks_ += plan->parks.size();
      lanes_[index]->Take(*std::move(plan));
      return true;
    }
    return false;
  }

  void Finish(HandLane& lane) {
    std::set<ImageId> failed;
    if (Below(40) == 0) {
      const auto& images = lane.plan().images;
      failed.insert(images[random_() % images.size()].image);
    }
    for (const ImageId image : failed) failed_.insert(image.job);
    lane.Finish(failed);
  }

  // Work is conserved: a lane is without a plan only if it has no image, and
  // none waits that could enter its stage.
  void CheckNothingToDo(int lane) {
    const SchedulerSnapshot snapshot = scheduler_->Snapshot();
    for (const LaneStageSnapshot& stage : snapshot.lanes) {
      if (stage.lane != lane) continue;
      EXPECT_EQ(stage.slots_taken, 0);
    }
    for (const ImageSnapshot& image : snapshot.images) {
      if (image.place != ImagePlace::kReady) continue;
      EXPECT_TRUE(image.needs_credit && IsInboxFull(snapshot, image.stage));
    }
  }

  static bool IsInboxFull(const SchedulerSnapshot& snapshot, StageId below) {
    const StageId id = {below.cascade, below.stage + 1};
    const auto stage =
        std::find_if(snapshot.stages.begin(), snapshot.stages.end(),
                     [id](const StageSnapshot& s) { return s.stage == id; });
    return stage->inbox >= stage->inbox_limit;
  }

  void Check() {
    const SchedulerSnapshot snapshot = scheduler_->Snapshot();
    ASSERT_OK(CheckInvariants(snapshot));
    for (const StageSnapshot& stage : snapshot.stages) {
      ASSERT_LE(stage.inbox, kInbox);
    }
    ASSERT_LE(snapshot.queued, 20);
    for (const auto& lane : lanes_) ASSERT_EQ(lane->violations(), 0);
  }

  // Every stream has its last word, and the right one.
  void CheckStreams() {
    for (const Admitted& job : jobs_) {
      const absl::Status end = StreamReader(job.events).ReadAll();
      if (end.ok()) continue;
      if (absl::IsDeadlineExceeded(end)) {
        EXPECT_TRUE(timed_.contains(job.id));
      } else if (absl::IsCancelled(end)) {
        EXPECT_TRUE(cancelled_.contains(job.id));
      } else {
        EXPECT_TRUE(failed_.contains(job.id)) << end;
      }
    }
  }

  std::mt19937 random_;
  LanelessScheduler scheduler_;
  std::vector<std::unique_ptr<HandLane>> lanes_;
  std::vector<Admitted> jobs_;
  std::set<JobId> cancelled_;
  std::set<JobId> failed_;
  std::set<JobId> timed_;
  size_t num_parks_ = 0;
};

TEST(SchedulerPropertyTest, InvariantsHoldUnderRandomSchedules) {
  size_t num_parks = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    RandomSchedule schedule(seed);
    schedule.Run(/*moves=*/400);
    if (::testing::Test::HasFatalFailure()) return;
    num_parks += schedule.num_parks();
  }
  EXPECT_GT(num_parks, 0u);
}

}  // namespace
}  // namespace cascade
