// Cascades that come and go, and lanes that go.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/hand_scheduler.h"

namespace cascade {
namespace {

using ::testing::SizeIs;

constexpr absl::Duration kStep = absl::Milliseconds(10);
const std::vector<ScriptedStage> kStages = {{.resolution = 8},
                                            {.resolution = 16}};

// The cascade with another digest, as another package would have.
ServedCascade OtherVersion(int num_lanes) {
  ServedCascade served = ServeScripted(kStages, num_lanes);
  CascadeSpec spec = *served.spec;
  spec.digest = "another";
  served.spec = std::make_shared<const CascadeSpec>(std::move(spec));
  return served;
}

class SchedulerVersionsTest : public ::testing::Test {
 protected:
  static Scheduler::Options TwoLanes() {
    Scheduler::Options options;
    options.num_lanes = 2;
    return options;
  }
  bool IsGone(CascadeId id) {
    return scheduler_->WaitUntilGone(id, absl::InfinitePast());
  }

  HandScheduler scheduler_{kStages, TwoLanes()};
};

TEST_F(SchedulerVersionsTest, AReplacedVersionFinishesWhatItHas) {
  const Admitted old_job = scheduler_.Submit(scheduler_.Request(1));
  ASSERT_TRUE(scheduler_.Step(kStep));
  scheduler_->AddCascade(1, OtherVersion(2));
  EXPECT_EQ((*scheduler_->FindCascade("c"))->digest, "another");
  EXPECT_THAT(scheduler_->ListCascades(), SizeIs(1));
  EXPECT_FALSE(IsGone(0));
  // What was checked against the old version is to be checked again.
  EXPECT_THAT(scheduler_->Submit(scheduler_.Request(2)),
              HasReason(absl::StatusCode::kAborted, kCascadeReplaced));
  GenerationRequest request = scheduler_.Request(2);
  request.cascade_digest = "another";
  const Admitted new_job = scheduler_.Submit(std::move(request));
  std::set<CascadeId> stepped;
  while (const StepPlan* plan = scheduler_.Take()) {
    if (!plan->images.empty()) stepped.insert(plan->stage.cascade);
    scheduler_.lane().Finish();
  }
  EXPECT_THAT(stepped, ::testing::ElementsAre(0, 1));
  EXPECT_OK(HandScheduler::EndOf(old_job));
  EXPECT_OK(HandScheduler::EndOf(new_job));
  EXPECT_TRUE(IsGone(0));
}

TEST_F(SchedulerVersionsTest, AVersionStaysWhileALaneIsAtAPlanOfIt) {
  const Admitted job = scheduler_.Submit(scheduler_.Request(1));
  ASSERT_TRUE(scheduler_.Step(kStep));
  scheduler_->Cancel(job.id, absl::CancelledError("c"));
  ASSERT_OK(scheduler_->RetireCascade("c"));
  // The lane frees the slot: the executor is in use.
  ASSERT_THAT(scheduler_.Take()->releases, SizeIs(1));
  EXPECT_FALSE(IsGone(0));
  EXPECT_EQ(scheduler_.Take(), nullptr);
  EXPECT_TRUE(IsGone(0));
}

TEST_F(SchedulerVersionsTest, ARetiredNameIsNotFound) {
  EXPECT_THAT(scheduler_->RetireCascade("d"),
              HasReason(absl::StatusCode::kNotFound, kCascadeNotFound));
  const absl::StatusOr<CascadeId> id = scheduler_->RetireCascade("c");
  ASSERT_OK(id);
  EXPECT_EQ(*id, 0);
  EXPECT_THAT(scheduler_->Submit(scheduler_.Request(1)),
              HasReason(absl::StatusCode::kNotFound, kCascadeNotFound));
  EXPECT_TRUE(IsGone(0));
}

TEST_F(SchedulerVersionsTest, ALostLaneFailsItsOwnImagesOnly) {
  const Admitted here = scheduler_.Submit(scheduler_.Request(1));
  ASSERT_NE(scheduler_.Take(0), nullptr);
  const Admitted there = scheduler_.Submit(scheduler_.Request(2));
  ASSERT_NE(scheduler_.Take(1), nullptr);
  scheduler_->LaneLost(0, absl::UnavailableError("cuda:0 fell off the bus"));
  EXPECT_OK(CheckInvariants(scheduler_->Snapshot()));
  EXPECT_THAT(HandScheduler::EndOf(here),
              HasReason(absl::StatusCode::kUnavailable, kDeviceLost));
  scheduler_.lane(1).Finish();
  while (scheduler_.Step(kStep, 1)) continue;
  EXPECT_OK(HandScheduler::EndOf(there));
}

TEST_F(SchedulerVersionsTest, WithoutAnyLaneACascadeIsLost) {
  const Admitted queued = scheduler_.Submit(scheduler_.Request(1));
  scheduler_->LaneLost(0, absl::UnavailableError("x"));
  scheduler_->LaneLost(1, absl::UnavailableError("x"));
  EXPECT_THAT(HandScheduler::EndOf(queued),
              HasReason(absl::StatusCode::kUnavailable, kDeviceLost));
  EXPECT_THAT(scheduler_->Submit(scheduler_.Request(2)),
              HasReason(absl::StatusCode::kUnavailable, kDeviceLost));
  EXPECT_THAT(scheduler_->Snapshot().images, SizeIs(0));
}

TEST_F(SchedulerVersionsTest, TellsHowLongALaneHasBeenAtItsPlan) {
  EXPECT_EQ(scheduler_->LongestPlan(), absl::ZeroDuration());
  scheduler_.Submit(scheduler_.Request(1));
  ASSERT_NE(scheduler_.Take(), nullptr);
  scheduler_.clock().Advance(absl::Seconds(7));
  EXPECT_EQ(scheduler_->LongestPlan(), absl::Seconds(7));
  scheduler_.lane().Finish();
  scheduler_.Take();
  EXPECT_EQ(scheduler_->LongestPlan(), absl::ZeroDuration());
}

}  // namespace
}  // namespace cascade
