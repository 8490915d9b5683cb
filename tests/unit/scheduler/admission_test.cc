#include "server/scheduler/admission.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

constexpr AdmissionLimits kLimits = {.max_queued_images = 10,
                                     .max_images_per_request = 4};

AdmissionLoad Queued(int images) {
  AdmissionLoad load;
  load.queued_images = images;
  return load;
}

TEST(AdmissionTest, AcceptsUpToTheBound) {
  EXPECT_OK(Admit(kLimits, Queued(0), 4));
  EXPECT_OK(Admit(kLimits, Queued(6), 4));
}

TEST(AdmissionTest, RefusesWhatDoesNotFitWithADelay) {
  AdmissionLoad load = Queued(7);
  load.backlog = absl::Seconds(3);
  const absl::Status status = Admit(kLimits, load, 4);
  EXPECT_THAT(status,
              HasReason(absl::StatusCode::kResourceExhausted, kQueueFull));
  EXPECT_EQ(RetryDelay(status), absl::Seconds(3));
}

TEST(AdmissionTest, KeepsTheDelayWithinReason) {
  AdmissionLoad load = Queued(10);
  EXPECT_EQ(RetryDelay(Admit(kLimits, load, 1)), absl::Milliseconds(100));
  load.backlog = absl::Hours(1);
  EXPECT_EQ(RetryDelay(Admit(kLimits, load, 1)), absl::Seconds(30));
}

TEST(AdmissionTest, NamesTheFieldThatCanNeverFit) {
  for (const int count : {0, -1, 5}) {
    const absl::Status status = Admit(kLimits, Queued(0), count);
    EXPECT_THAT(status,
                HasReason(absl::StatusCode::kInvalidArgument, kTooManyImages));
    ASSERT_EQ(FieldViolations(status).size(), 1u);
    EXPECT_EQ(FieldViolations(status)[0].field, "image_count");
    EXPECT_EQ(RetryDelay(status), std::nullopt);
  }
}

TEST(AdmissionTest, RefusesAllWhileDraining) {
  AdmissionLoad load = Queued(0);
  load.draining = true;
  EXPECT_THAT(Admit(kLimits, load, 1),
              HasReason(absl::StatusCode::kUnavailable, kDraining));
}

}  // namespace
}  // namespace cascade
