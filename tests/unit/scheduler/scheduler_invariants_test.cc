#include "server/scheduler/scheduler_invariants.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

constexpr StageId kStage = {0, 0};

// One image that waits, one that is resident on lane 0.
SchedulerSnapshot Healthy() {
  SchedulerSnapshot snapshot;
  snapshot.images = {
      {.image = {1, 0},
       .stage = kStage,
       .place = ImagePlace::kReady,
       .rows_left = 4},
      {.image = {1, 1},
       .stage = kStage,
       .place = ImagePlace::kResident,
       .lane = 0,
       .begun = true,
       .rows_left = 3},
      {.image = {1, 2}, .stage = kStage, .place = ImagePlace::kGone}};
  snapshot.ready = {{kStage, {1, 0}}};
  snapshot.lanes = {{.lane = 0,
                     .stage = kStage,
                     .slots = 4,
                     .slots_taken = 1,
                     .resident = {{1, 1}},
                     .leaving = {},
                     .parking = {}}};
  snapshot.stages = {
      {.stage = kStage, .inbox = 0, .inbox_limit = 0, .rows_left = 7}};
  snapshot.queued = 1;
  snapshot.in_flight = 1;
  return snapshot;
}

TEST(SchedulerInvariantsTest, HoldWhereAllIsWell) {
  EXPECT_OK(CheckInvariants(Healthy()));
}

TEST(SchedulerInvariantsTest, NoticeALeakedSlot) {
  SchedulerSnapshot snapshot = Healthy();
  snapshot.lanes[0].slots_taken = 2;
  EXPECT_THAT(CheckInvariants(snapshot), HasCode(absl::StatusCode::kInternal));
}

TEST(SchedulerInvariantsTest, NoticeAnImageInTwoPlaces) {
  SchedulerSnapshot snapshot = Healthy();
  snapshot.ready.push_back({kStage, {1, 1}});
  EXPECT_THAT(CheckInvariants(snapshot), HasCode(absl::StatusCode::kInternal));
}

TEST(SchedulerInvariantsTest, NoticeAnImageInNoPlace) {
  SchedulerSnapshot snapshot = Healthy();
  snapshot.ready.clear();
  EXPECT_THAT(CheckInvariants(snapshot), HasCode(absl::StatusCode::kInternal));
}

TEST(SchedulerInvariantsTest, NoticeAnEndedJobThatWaits) {
  SchedulerSnapshot snapshot = Healthy();
  snapshot.images[0].job_ended = true;
  EXPECT_THAT(CheckInvariants(snapshot), HasCode(absl::StatusCode::kInternal));
}

TEST(SchedulerInvariantsTest, NoticeALeakedCredit) {
  SchedulerSnapshot snapshot = Healthy();
  snapshot.stages[0].inbox_limit = 1;
  snapshot.stages[0].inbox = 1;
  EXPECT_THAT(CheckInvariants(snapshot), HasCode(absl::StatusCode::kInternal));
  // Of an image on its way to a stage that is full.
  snapshot = Healthy();
  snapshot.images[1].holds_credit = true;
  snapshot.stages.push_back({.stage = {0, 1}, .inbox = 1, .inbox_limit = 1});
  EXPECT_OK(CheckInvariants(snapshot));
  snapshot.stages[1].inbox_limit = 0;
  EXPECT_THAT(CheckInvariants(snapshot), HasCode(absl::StatusCode::kInternal));
}

TEST(SchedulerInvariantsTest, NoticeWorkThatNobodyHas) {
  SchedulerSnapshot snapshot = Healthy();
  snapshot.stages[0].rows_left = 8;
  EXPECT_THAT(CheckInvariants(snapshot), HasCode(absl::StatusCode::kInternal));
}

TEST(SchedulerInvariantsTest, NoticeAWrongCount) {
  SchedulerSnapshot snapshot = Healthy();
  snapshot.in_flight = 0;
  EXPECT_THAT(CheckInvariants(snapshot), HasCode(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace cascade
