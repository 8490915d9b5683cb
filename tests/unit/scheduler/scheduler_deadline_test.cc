// What deadlines do at the door, in the queue and on the way.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/hand_scheduler.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr absl::Duration kStep = absl::Milliseconds(10);

// Two stages of four steps; a step of one image takes 10 ms, and more images
// take proportionally longer.
const std::vector<ScriptedStage> kStages = {
    {.resolution = 8, .batch_rows = {1, 2}, .costs = {{1, .01}, {2, .02}}},
    {.resolution = 16, .batch_rows = {1, 2}, .costs = {{1, .01}, {2, .02}}}};

class SchedulerDeadlineTest : public ::testing::Test {
 protected:
  GenerationRequest Request(uint64_t seed, absl::Duration time,
                            DeadlinePolicy policy = DeadlinePolicy::kStrict) {
    GenerationRequest request = scheduler_.Request(seed);
    request.deadline = scheduler_.clock().Now() + time;
    request.deadline_policy = policy;
    return request;
  }
  FinishedEvent Finished(const Admitted& job) {
    std::vector<EncodedJobEvent> events;
    EXPECT_OK(HandScheduler::EndOf(job, &events));
    return std::get<FinishedEvent>(events.back());
  }

  HandScheduler scheduler_{kStages, Scheduler::Options()};
};

TEST_F(SchedulerDeadlineTest, WhatNoServerCouldDoIsRefusedWithoutAHint) {
  const auto refused = scheduler_->Submit(Request(1, absl::Milliseconds(79)));
  EXPECT_THAT(refused, HasReason(absl::StatusCode::kDeadlineExceeded,
                                 kDeadlineUnreachable));
  EXPECT_EQ(RetryDelay(refused.status()), std::nullopt);
  EXPECT_OK(scheduler_->Submit(Request(1, absl::Milliseconds(81))));
}

TEST_F(SchedulerDeadlineTest, WhatTheLoadDelaysTooMuchIsToComeBack) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    scheduler_.Submit(Request(seed, absl::Seconds(60)));
  }
  const auto refused = scheduler_->Submit(Request(50, absl::Milliseconds(900)));
  EXPECT_THAT(refused,
              HasReason(absl::StatusCode::kResourceExhausted, kDeadlineAtRisk));
  EXPECT_NE(RetryDelay(refused.status()), std::nullopt);
  // Nothing of it is left.
  EXPECT_EQ(scheduler_->Snapshot().queued, 20);
  // A shorter time goes first, and so fits.
  EXPECT_OK(scheduler_->Submit(Request(51, absl::Milliseconds(200))));
}

TEST_F(SchedulerDeadlineTest, AnAdmittedDeadlineIsNotSoldTwice) {
  scheduler_.Submit(Request(1, absl::Milliseconds(100)));
  EXPECT_THAT(scheduler_->Submit(Request(2, absl::Milliseconds(99))),
              HasReason(absl::StatusCode::kResourceExhausted, kDeadlineAtRisk));
}

TEST_F(SchedulerDeadlineTest, WhatHasNoDeadlineDoesNotBreakOne) {
  // 640 ms of work that is due in 800 ms and may take 1030.
  std::vector<Admitted> promised;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    promised.push_back(
        scheduler_.Submit(Request(seed, absl::Milliseconds(1030))));
  }
  // Of 70 ms each, so due in 700: five go ahead, one must stand behind (but
  // for a step that its long wait earns it).
  for (uint64_t seed = 11; seed <= 16; ++seed) {
    GenerationRequest request = scheduler_.Request(seed);
    request.stages[0].sampler.num_steps = 3;
    scheduler_.Submit(std::move(request));
  }
  uint64_t last_seed = 0;
  while (const StepPlan* plan = scheduler_.Take()) {
    if (!plan->images.empty()) last_seed = plan->images.back().image_seed;
    scheduler_.clock().Advance(kStep);
    scheduler_.lane().SetStepTime(kStep);
    if (scheduler_.lane().is_stepping()) scheduler_.lane().Finish();
  }
  EXPECT_EQ(last_seed, 16u);
  for (const Admitted& job : promised) EXPECT_OK(HandScheduler::EndOf(job));
}

TEST_F(SchedulerDeadlineTest, TheQueueTellsWhatToExpect) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    scheduler_.Submit(scheduler_.Request(seed));
  }
  const Admitted job = scheduler_.Submit(scheduler_.Request(50));
  const EventStream::Item item = StreamReader(job.events).Next();
  const auto& queued = std::get<QueuedEvent>(*item.event);
  EXPECT_EQ(queued.position, 4);
  EXPECT_EQ(queued.expected_wait, absl::Milliseconds(320));
  EXPECT_GE(queued.expected_time, absl::Milliseconds(400));
}

TEST_F(SchedulerDeadlineTest, QueuedWorkIsDroppedWhenItBecomesImpossible) {
  const Admitted job = scheduler_.Submit(Request(1, absl::Milliseconds(100)));
  // It needs 80 ms, or, to be on the safe side, 64.
  scheduler_.clock().Advance(absl::Milliseconds(35));
  ASSERT_NE(scheduler_.Take(), nullptr);
  scheduler_.lane().Finish();
  const Admitted late = scheduler_.Submit(Request(2, absl::Milliseconds(300)));
  scheduler_.clock().Advance(absl::Milliseconds(240));
  scheduler_.RunAll(kStep);
  EXPECT_THAT(
      HandScheduler::EndOf(late),
      HasReason(absl::StatusCode::kDeadlineExceeded, kDeadlineExceeded));
  EXPECT_THAT(
      HandScheduler::EndOf(job),
      HasReason(absl::StatusCode::kDeadlineExceeded, kDeadlineExceeded));
  EXPECT_THAT(scheduler_->Snapshot().images, SizeIs(0));
}

TEST_F(SchedulerDeadlineTest, BestEffortBeginsWithFewerSteps) {
  const Admitted job = scheduler_.Submit(
      Request(1, absl::Milliseconds(60), DeadlinePolicy::kBestEffort));
  scheduler_.RunAll(kStep);
  const FinishedEvent finished = Finished(job);
  EXPECT_TRUE(finished.reduced_for_deadline);
  EXPECT_EQ(finished.target_stage, 1);
  EXPECT_EQ(finished.stages[0].sampler.num_steps, 2);
  EXPECT_EQ(finished.stages[1].sampler.num_steps, 2);
}

// Four steps of Heun are seven evaluations, so both stages take 140 ms.
TEST_F(SchedulerDeadlineTest, AStepOfTwoEvaluationsCostsBoth) {
  const auto heun = [&](absl::Duration time, DeadlinePolicy policy) {
    GenerationRequest request = Request(1, time, policy);
    for (StageOptions& stage : request.stages) {
      stage.sampler.kind = SamplerKind::kHeun;
    }
    return request;
  };
  EXPECT_THAT(
      scheduler_->Submit(
          heun(absl::Milliseconds(139), DeadlinePolicy::kStrict)),
      HasReason(absl::StatusCode::kDeadlineExceeded, kDeadlineUnreachable));
  const absl::Time deadline =
      scheduler_.clock().Now() + absl::Milliseconds(110);
  const Admitted job = scheduler_.Submit(
      heun(absl::Milliseconds(110), DeadlinePolicy::kBestEffort));
  scheduler_.RunAll(kStep);
  const FinishedEvent finished = Finished(job);
  EXPECT_LE(scheduler_.clock().Now(), deadline);
  EXPECT_TRUE(finished.reduced_for_deadline);
  EXPECT_EQ(finished.target_stage, 1);
  // 99 ms of 140: two steps of four, three evaluations, in each stage.
  EXPECT_EQ(finished.stages[0].sampler.num_steps, 2);
  EXPECT_EQ(finished.stages[1].sampler.num_steps, 2);
}

TEST_F(SchedulerDeadlineTest, BestEffortEndsAtALowerStage) {
  const Admitted job = scheduler_.Submit(
      Request(1, absl::Milliseconds(17), DeadlinePolicy::kBestEffort));
  scheduler_.RunAll(kStep);
  const FinishedEvent finished = Finished(job);
  EXPECT_TRUE(finished.reduced_for_deadline);
  EXPECT_EQ(finished.target_stage, 0);
  EXPECT_THAT(finished.stages, SizeIs(1));
}

// The stage below a truncated augmentation stops early; but not where nothing
// follows it any more.
TEST_F(SchedulerDeadlineTest, AStageThatBecomesTheLastOneFinishes) {
  std::vector<ScriptedStage> stages = kStages;
  stages[1].augmentation = true;
  const auto first_plan = [&](absl::Duration time) {
    HandScheduler scheduler(stages, Scheduler::Options());
    GenerationRequest request = scheduler.Request(1);
    request.stages[1].augmentation_level = 0.4;
    request.stages[1].augmentation_mode = AugmentationMode::kTruncated;
    request.deadline = scheduler.clock().Now() + time;
    request.deadline_policy = DeadlinePolicy::kBestEffort;
    scheduler.Submit(std::move(request));
    const StepPlan* plan = scheduler.Take();
    EXPECT_NE(plan, nullptr);
    return plan == nullptr ? PlannedImage() : plan->images[0];
  };
  // Of its timesteps 999, 666, 333 and 0, the first two.
  const PlannedImage stopping = first_plan(absl::Seconds(1));
  EXPECT_EQ(stopping.num_lines, 2);
  EXPECT_TRUE(stopping.stops_early);
  EXPECT_TRUE(stopping.hands_over);
  // One step of the first stage is all that fits.
  const PlannedImage last = first_plan(absl::Milliseconds(17));
  EXPECT_EQ(last.num_lines, 1);
  EXPECT_FALSE(last.stops_early);
  EXPECT_FALSE(last.hands_over);
}

// Time is up when the lower stage has stopped for one that never finishes.
TEST_F(SchedulerDeadlineTest, AStageThatStoppedForNothingSaysSo) {
  std::vector<ScriptedStage> stages = kStages;
  stages[1].augmentation = true;
  HandScheduler scheduler(stages, Scheduler::Options());
  GenerationRequest request = scheduler.Request(1);
  request.stages[1].augmentation_level = 0.4;
  request.stages[1].augmentation_mode = AugmentationMode::kTruncated;
  request.deadline = scheduler.clock().Now() + absl::Milliseconds(200);
  request.deadline_policy = DeadlinePolicy::kBestEffort;
  const GenerationRequest in_time = request;
  const auto finished = [&](GenerationRequest asked, absl::Duration late) {
    const Admitted job = scheduler.Submit(std::move(asked));
    for (int i = 0; i < 3; ++i) scheduler.Step(kStep);
    scheduler.clock().Advance(late);
    scheduler.RunAll(kStep);
    return Finished(job);
  };
  const FinishedEvent whole = finished(in_time, absl::ZeroDuration());
  EXPECT_EQ(whole.target_stage, 1);
  EXPECT_THAT(whole.stop_indices, ElementsAre(400, std::nullopt));
  request.deadline = scheduler.clock().Now() + absl::Milliseconds(200);
  const FinishedEvent cut = finished(request, absl::Seconds(1));
  EXPECT_EQ(cut.target_stage, 0);
  EXPECT_THAT(cut.stop_indices, ElementsAre(400));
  EXPECT_THAT(scheduler.metrics().Text(),
              HasSubstr("cascade_ended_images_total{cascade=\"c\",outcome="
                        "\"DEADLINE_EXCEEDED\",stage=\"16x16\"} 1"));
}

TEST_F(SchedulerDeadlineTest, BestEffortThatFitsIsLeftAlone) {
  const Admitted job = scheduler_.Submit(
      Request(1, absl::Seconds(1), DeadlinePolicy::kBestEffort));
  scheduler_.RunAll(kStep);
  const FinishedEvent finished = Finished(job);
  EXPECT_FALSE(finished.reduced_for_deadline);
  EXPECT_EQ(finished.target_stage, 1);
  EXPECT_EQ(finished.stages[1].sampler.num_steps, 4);
}

TEST_F(SchedulerDeadlineTest, BestEffortThatFallsBehindTakesStepsOff) {
  const Admitted job = scheduler_.Submit(
      Request(1, absl::Milliseconds(120), DeadlinePolicy::kBestEffort));
  // The first stage takes twice as long as it should.
  for (int i = 0; i < 4; ++i) scheduler_.Step(2 * kStep);
  scheduler_.RunAll(2 * kStep);
  const FinishedEvent finished = Finished(job);
  EXPECT_TRUE(finished.reduced_for_deadline);
  EXPECT_EQ(finished.stages[0].sampler.num_steps, 4);
  if (finished.target_stage == 1) {
    EXPECT_LT(finished.stages[1].sampler.num_steps, 4);
  }
}

TEST_F(SchedulerDeadlineTest, BestEffortDeliversWhatItHasWhenTimeIsUp) {
  const Admitted job = scheduler_.Submit(
      Request(1, absl::Milliseconds(200), DeadlinePolicy::kBestEffort));
  for (int i = 0; i < 5; ++i) scheduler_.Step(kStep);
  scheduler_.clock().Advance(absl::Seconds(1));
  scheduler_.RunAll(kStep);
  const FinishedEvent finished = Finished(job);
  EXPECT_TRUE(finished.reduced_for_deadline);
  EXPECT_EQ(finished.target_stage, 0);
  EXPECT_THAT(scheduler_->Snapshot().images, SizeIs(0));
}

TEST_F(SchedulerDeadlineTest, BestEffortWithNothingToShowFails) {
  const Admitted job = scheduler_.Submit(
      Request(1, absl::Milliseconds(200), DeadlinePolicy::kBestEffort));
  scheduler_.Step(kStep);
  scheduler_.clock().Advance(absl::Seconds(1));
  scheduler_.RunAll(kStep);
  EXPECT_THAT(HandScheduler::EndOf(job),
              HasCode(absl::StatusCode::kDeadlineExceeded));
}

// Each stage's image may turn out to be the last one.
TEST_F(SchedulerDeadlineTest, BestEffortShowsEachStage) {
  GenerationRequest request =
      Request(1, absl::Seconds(1), DeadlinePolicy::kBestEffort);
  request.output.stage_images = {false, true};
  request.returns_state = true;
  scheduler_.Submit(std::move(request));
  for (int i = 0; i < 3; ++i) scheduler_.Step(kStep);
  const StepPlan* plan = scheduler_.Take();
  ASSERT_NE(plan, nullptr);
  EXPECT_TRUE(plan->images[0].wants_pixels);
  EXPECT_TRUE(plan->images[0].returns_state);
}

// Nobody asks for plans: all lanes are in a step, or hang.
TEST_F(SchedulerDeadlineTest, TimeIsUpThoughNoLaneAsks) {
  scheduler_.Submit(scheduler_.Request(1));
  ASSERT_NE(scheduler_.Take(), nullptr);
  const Admitted waiting =
      scheduler_.Submit(Request(2, absl::Milliseconds(200)));
  scheduler_.clock().Advance(absl::Seconds(1));
  scheduler_.Submit(scheduler_.Request(3));
  EXPECT_THAT(HandScheduler::EndOf(waiting),
              HasCode(absl::StatusCode::kDeadlineExceeded));
  const Admitted another =
      scheduler_.Submit(Request(4, absl::Milliseconds(500)));
  scheduler_.clock().Advance(absl::Seconds(1));
  scheduler_->ReportLoad();
  EXPECT_THAT(HandScheduler::EndOf(another),
              HasCode(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace cascade
