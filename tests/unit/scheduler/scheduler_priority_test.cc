// Who goes first: priorities, their ageing, parking, and tenants.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/hand_scheduler.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr absl::Duration kStep = absl::Milliseconds(10);

// One stage whose batches gain nothing: one image a step, and two slots.
const std::vector<ScriptedStage> kNarrow = {{.resolution = 8,
                                             .slots = 2,
                                             .batch_rows = {1, 2},
                                             .costs = {{1, 0.01}, {2, 0.02}}}};

Scheduler::Options OneLane() {
  Scheduler::Options options;
  options.priority_ageing = absl::Milliseconds(100);
  options.tenants.named = {
      {"a", {.weight = 3}},
      {"b", {.weight = 1}},
      {"small", {.max_images = 2, .max_priority = Priority::kBatch}}};
  return options;
}

class SchedulerPriorityTest : public ::testing::Test {
 protected:
  Admitted Submit(uint64_t seed, Priority priority, int steps = 4,
                  const std::string& tenant = "") {
    GenerationRequest request = scheduler_.Request(seed);
    request.priority = priority;
    request.tenant = tenant;
    request.stages[0].sampler.num_steps = steps;
    return scheduler_.Submit(std::move(request));
  }
  // The seed of the only image of the next step.
  uint64_t StepOne() {
    const StepPlan* plan = scheduler_.Take();
    if (plan == nullptr || plan->images.size() != 1) return 0;
    const uint64_t seed = plan->images[0].image_seed;
    scheduler_.clock().Advance(kStep);
    scheduler_.lane().SetStepTime(kStep);
    scheduler_.lane().Finish();
    EXPECT_OK(CheckInvariants(scheduler_->Snapshot()));
    return seed;
  }

  HandScheduler scheduler_{kNarrow, OneLane()};
};

TEST_F(SchedulerPriorityTest, AHigherPriorityGoesFirst) {
  Submit(1, Priority::kBatch);
  Submit(2, Priority::kStandard);
  Submit(3, Priority::kInteractive);
  std::vector<uint64_t> order;
  for (int i = 0; i < 12; ++i) order.push_back(StepOne());
  EXPECT_THAT(order,
              ::testing::ElementsAre(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1));
}

TEST_F(SchedulerPriorityTest, ALowPriorityIsNotStarved) {
  const Admitted low = Submit(1, Priority::kBatch);
  uint64_t seed = 2;
  int steps_of_low = 0;
  for (int i = 0; i < 60; ++i) {
    if (i % 4 == 0) Submit(seed++, Priority::kInteractive);
    if (StepOne() == 1) ++steps_of_low;
  }
  // One step in eleven, as the ageing of ten steps has it: all four.
  EXPECT_EQ(steps_of_low, 4);
}

TEST_F(SchedulerPriorityTest, AnImageWithoutASlotParksOneOfALowerPriority) {
  const Admitted low = Submit(1, Priority::kBatch);
  EXPECT_EQ(StepOne(), 1u);
  const Admitted middle = Submit(2, Priority::kStandard);
  EXPECT_EQ(StepOne(), 2u);
  const Admitted high = Submit(3, Priority::kInteractive);
  // Both slots are taken; the lowest priority gives its own up.
  const StepPlan* plan = scheduler_.Take();
  ASSERT_THAT(plan->parks, SizeIs(1));
  EXPECT_EQ(plan->parks[0].image.job, low.id);
  ASSERT_THAT(plan->images, SizeIs(1));
  EXPECT_EQ(plan->images[0].image_seed, 3u);
  scheduler_.lane().Finish();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(StepOne(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(StepOne(), 2u);
  // It goes on where it was.
  plan = scheduler_.Take();
  ASSERT_THAT(plan->images, SizeIs(1));
  EXPECT_EQ(plan->images[0].line, 1);
  ASSERT_TRUE(plan->images[0].admit.has_value());
  EXPECT_NE(plan->images[0].admit->parked, nullptr);
  scheduler_.lane().Finish();
  scheduler_.RunAll(kStep);
  for (const Admitted& job : {low, middle, high}) {
    std::vector<EncodedJobEvent> events;
    EXPECT_OK(HandScheduler::EndOf(job, &events));
    const auto& finished = std::get<FinishedEvent>(events.back());
    EXPECT_GE(finished.timings[0].waited, absl::ZeroDuration());
  }
  EXPECT_EQ(scheduler_.lane().violations(), 0);
  EXPECT_THAT(scheduler_.metrics().Text(),
              HasSubstr("cascade_parks_total{cascade=\"c\",stage=\"8x8\"} 1"));
}

TEST_F(SchedulerPriorityTest, AParkedImageOfACancelledJobIsGone) {
  const Admitted low = Submit(1, Priority::kBatch);
  EXPECT_EQ(StepOne(), 1u);
  Submit(2, Priority::kStandard);
  EXPECT_EQ(StepOne(), 2u);
  Submit(3, Priority::kInteractive);
  ASSERT_THAT(scheduler_.Take()->parks, SizeIs(1));
  // While the lane is at it.
  scheduler_->Cancel(low.id, absl::CancelledError("c"));
  EXPECT_OK(CheckInvariants(scheduler_->Snapshot()));
  scheduler_.lane().Finish();
  scheduler_.RunAll(kStep);
  EXPECT_THAT(scheduler_->Snapshot().images, SizeIs(0));
  EXPECT_EQ(scheduler_.lane().violations(), 0);
}

TEST_F(SchedulerPriorityTest, TenantsShareByWeight) {
  std::map<uint64_t, int> steps;
  for (uint64_t i = 0; i < 40; ++i) {
    Submit(100 + i, Priority::kStandard, 20, "a");
    Submit(200 + i, Priority::kStandard, 20, "b");
  }
  for (int i = 0; i < 400; ++i) ++steps[StepOne() / 100];
  EXPECT_NEAR(steps[1], 300, 12);  // Three to one.
  EXPECT_NEAR(steps[2], 100, 12);
  EXPECT_THAT(scheduler_.metrics().Text(),
              HasSubstr("cascade_tenant_device_seconds_total{cascade=\"c\","
                        "tenant=\"a\"}"));
}

TEST_F(SchedulerPriorityTest, TheConfigurationCapsATenant) {
  const Admitted job = Submit(1, Priority::kInteractive, 4, "small");
  const EventStream::Item item = StreamReader(job.events).Next();
  EXPECT_EQ(std::get<QueuedEvent>(*item.event).priority, Priority::kBatch);
  Submit(2, Priority::kBatch, 4, "small");
  GenerationRequest third = scheduler_.Request(3);
  third.tenant = "small";
  EXPECT_THAT(scheduler_->Submit(third),
              HasReason(absl::StatusCode::kResourceExhausted, kTenantLimit));
  third.tenant = "another";
  EXPECT_OK(scheduler_->Submit(third));
  scheduler_.RunAll(kStep);
  third.tenant = "small";
  EXPECT_OK(scheduler_->Submit(third));
}

}  // namespace
}  // namespace cascade
