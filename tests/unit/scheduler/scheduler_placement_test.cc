// Lanes that do not share all stages.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/hand_scheduler.h"

namespace cascade {
namespace {

// A step takes 10 ms, and batches gain nothing.
const ScriptedStage kFlat8 = {
    .resolution = 8, .batch_rows = {1, 2}, .costs = {{1, .01}, {2, .02}}};
const ScriptedStage kFlat16 = {
    .resolution = 16, .batch_rows = {1, 2}, .costs = {{1, .01}, {2, .02}}};

Scheduler::Options TwoLanes() {
  Scheduler::Options options;
  options.num_lanes = 2;
  options.priority_ageing = absl::Milliseconds(100);
  return options;
}

// The cascade with its stage k on lane lanes[k] alone.
ServedCascade Placed(ServedCascade served, const std::vector<int>& lanes) {
  for (size_t k = 0; k < lanes.size(); ++k) {
    const LaneStage on_lane = served.stages[k].lanes.begin()->second;
    served.stages[k].lanes = {{lanes[k], on_lane}};
  }
  return served;
}

GenerationRequest Request(Scheduler& scheduler, const std::string& cascade,
                          uint64_t seed, int image_count = 1) {
  return MakeRequest(**scheduler.FindCascade(cascade), seed, image_count);
}

// One image for the first stage alone.
GenerationRequest Draft(Scheduler& scheduler, uint64_t seed) {
  GenerationRequest request = Request(scheduler, "c", seed);
  request.target_stage = 0;
  request.stages.resize(1);
  request.output.stage_images.clear();
  return request;
}

TEST(SchedulerPlacementTest, AStageRunsOnItsOwnLanesOnly) {
  const ServedCascade served =
      Placed(ServeScripted({kFlat8, kFlat16}, 2), {0, 1});
  LanelessScheduler scheduler(served, TwoLanes());
  HandLane low(*scheduler, 0);
  HandLane high(*scheduler, 1);
  const auto job = scheduler->Submit(Request(*scheduler, "c", 1, 3));
  ASSERT_OK(job);
  EXPECT_EQ(scheduler->TryNextPlan(1), std::nullopt);
  bool goes_on = true;
  while (goes_on) {
    goes_on = false;
    for (HandLane* lane : {&low, &high}) {
      const int index = lane == &low ? 0 : 1;
      std::optional<StepPlan> plan = scheduler->TryNextPlan(index);
      if (!plan.has_value()) continue;
      EXPECT_EQ(plan->stage.stage, index);
      lane->Take(*std::move(plan));
      lane->Finish();
      goes_on = true;
    }
    ASSERT_OK(CheckInvariants(scheduler->Snapshot()));
  }
  EXPECT_OK(StreamReader(job->events).ReadAll());
}

TEST(SchedulerPlacementTest, WorkOnOtherLanesDelaysNobody) {
  LanelessScheduler scheduler(Placed(ServeScripted({kFlat8}, 2), {0}),
                              TwoLanes());
  scheduler->AddCascade(1, Placed(ServeScripted({kFlat8}, 2, "d"), {1}));
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    ASSERT_OK(scheduler->Submit(Request(*scheduler, "c", seed)));
  }
  GenerationRequest request = Request(*scheduler, "d", 1);
  request.deadline = scheduler.clock().Now() + absl::Milliseconds(60);
  const auto job = scheduler->Submit(request);
  ASSERT_OK(job);
  const EventStream::Item item = StreamReader(job->events).Next();
  EXPECT_EQ(std::get<QueuedEvent>(*item.event).expected_wait,
            absl::ZeroDuration());
  // Where the work is, it does.
  request = Request(*scheduler, "c", 50);
  request.deadline = scheduler.clock().Now() + absl::Milliseconds(600);
  EXPECT_THAT(scheduler->Submit(request),
              HasReason(absl::StatusCode::kResourceExhausted, kDeadlineAtRisk));
}

// Images that wait for a credit are in nobody's way who needs none.
TEST(SchedulerPlacementTest, ADraftPassesThoseThatWaitForACredit) {
  Scheduler::Options options = TwoLanes();
  options.inbox_capacity = 1;
  LanelessScheduler scheduler(
      Placed(ServeScripted({kFlat8, kFlat16}, 2), {0, 1}), options);
  HandLane low(*scheduler, 0);
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    ASSERT_OK(scheduler->Submit(Request(*scheduler, "c", seed)));
  }
  // The first image fills the inbox of the stage above, where no lane works.
  for (int line = 0; line < 4; ++line) {
    low.Take();
    low.Finish();
  }
  EXPECT_EQ(scheduler->TryNextPlan(0), std::nullopt);
  ASSERT_OK(scheduler->Submit(Draft(*scheduler, 99)));
  const std::optional<StepPlan> plan = scheduler->TryNextPlan(0);
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->images.size(), 1u);
  EXPECT_EQ(plan->images[0].image_seed, 99u);
}

TEST(SchedulerPlacementTest, AStarvedPriorityMayUseTheCreditsOfABetterOne) {
  LanelessScheduler scheduler(
      Placed(ServeScripted({kFlat8, kFlat16}, 2), {0, 1}), TwoLanes());
  HandLane low(*scheduler, 0);
  uint64_t seed = 1;
  const auto submit = [&](Priority priority) {
    GenerationRequest request = Request(*scheduler, "c", seed++);
    request.priority = priority;
    ASSERT_OK(scheduler->Submit(std::move(request)));
  };
  // The inbox of the stage above fills, up to what a batch job may use.
  for (int i = 0; i < 20; ++i) submit(Priority::kStandard);
  while (std::optional<StepPlan> plan = scheduler->TryNextPlan(0)) {
    low.Take(*std::move(plan));
    low.Finish();
  }
  submit(Priority::kBatch);
  EXPECT_EQ(scheduler->TryNextPlan(0), std::nullopt);
  scheduler.clock().Advance(absl::Seconds(1));
  const std::optional<StepPlan> plan = scheduler->TryNextPlan(0);
  ASSERT_TRUE(plan.has_value());
}

// An idle lane is no reason to wait if it cannot take what there is.
TEST(SchedulerPlacementTest, ABusyLaneTakesWhatNoIdleLaneCan) {
  ServedCascade wide =
      ServeScripted({{.resolution = 8,
                      .batch_rows = {1, 2, 4, 8},
                      .costs = {{1, .01}, {2, .011}, {4, .012}, {8, .014}}}},
                    2);
  LanelessScheduler scheduler(Placed(wide, {0}), TwoLanes());
  // Lane 1 shares a cascade without work with lane 0.
  scheduler->AddCascade(1, ServeScripted({kFlat8}, 2, "d"));
  HandLane lane(*scheduler, 0);
  ASSERT_OK(scheduler->Submit(Request(*scheduler, "c", 1)));
  EXPECT_EQ(scheduler->TryNextPlan(1), std::nullopt);
  lane.Take();
  lane.Finish();
  ASSERT_OK(scheduler->Submit(Request(*scheduler, "c", 2)));
  EXPECT_EQ(scheduler->TryNextPlan(1), std::nullopt);
  EXPECT_EQ(lane.Take().images.size(), 2u);
}

}  // namespace
}  // namespace cascade
