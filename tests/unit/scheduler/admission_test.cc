#include "server/scheduler/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;

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

AdmissionLoad OfTenant(int images, int limit) {
  AdmissionLoad load;
  load.backlog = absl::Seconds(2);
  load.tenant = "team";
  load.tenant_images = images;
  load.tenant_max_images = limit;
  return load;
}

TEST(AdmissionTest, ATenantHasItsOwnLimit) {
  EXPECT_OK(Admit(kLimits, OfTenant(5, 8), 3));
  const absl::Status status = Admit(kLimits, OfTenant(6, 8), 3);
  EXPECT_THAT(status,
              HasReason(absl::StatusCode::kResourceExhausted, kTenantLimit));
  EXPECT_EQ(status.message(),
            "tenant 'team' has 6 images in work, 3 more do not fit into its 8");
  EXPECT_EQ(RetryDelay(status), absl::Seconds(2));
}

TEST(AdmissionTest, WhatATenantMayNeverHaveIsNotToBeTriedAgain) {
  const absl::Status status = Admit(kLimits, OfTenant(0, 2), 3);
  EXPECT_THAT(status,
              HasReason(absl::StatusCode::kInvalidArgument, kTooManyImages));
  EXPECT_THAT(std::string(status.message()), HasSubstr("3 is not in 1..2"));
}

TimeCheck Times(absl::Duration left, absl::Duration unloaded,
                absl::Duration total) {
  return {.left = left, .unloaded = unloaded, .forecast = {.total = total}};
}

TEST(AdmissionTest, AcceptsWhatCanBeDoneInTime) {
  EXPECT_OK(CheckDeadline(
      Times(absl::Seconds(3), absl::Seconds(2), absl::Seconds(3))));
  EXPECT_OK(CheckDeadline(
      Times(absl::InfiniteDuration(), absl::Seconds(2), absl::Hours(9))));
}

TEST(AdmissionTest, NoRetryHelpsWhatAnIdleServerCannotDoInTime) {
  const absl::Status status = CheckDeadline(
      Times(absl::Seconds(1), absl::Seconds(2.5), absl::Seconds(9)));
  EXPECT_THAT(status, HasReason(absl::StatusCode::kDeadlineExceeded,
                                kDeadlineUnreachable));
  EXPECT_EQ(RetryDelay(status), std::nullopt);
  EXPECT_EQ(status.message(),
            "takes 2.5s on an idle server, and the deadline is in 1s");
}

TEST(AdmissionTest, KeepsAMarginForTheLoad) {
  TimeCheck check = Times(absl::Seconds(8), absl::Seconds(2), absl::Seconds(5));
  check.margin = 2;
  EXPECT_OK(CheckDeadline(check));
  check.left = absl::Seconds(7);
  const absl::Status status = CheckDeadline(check);
  EXPECT_THAT(status,
              HasReason(absl::StatusCode::kResourceExhausted, kDeadlineAtRisk));
  EXPECT_EQ(RetryDelay(status), absl::Seconds(1));
}

TEST(AdmissionTest, UnderLoadTheDelayIsWhatTheDeadlineLacks) {
  const absl::Status status = CheckDeadline(
      Times(absl::Seconds(3), absl::Seconds(2), absl::Seconds(7.25)));
  EXPECT_THAT(status,
              HasReason(absl::StatusCode::kResourceExhausted, kDeadlineAtRisk));
  EXPECT_EQ(RetryDelay(status), absl::Seconds(4.25));
  EXPECT_EQ(status.message(),
            "may take 7.25s at the present load (2s on an idle server), and "
            "the deadline is in 3s");
}

TEST(AdmissionTest, ADeadlineMayNotCostAnother) {
  TimeCheck check = {
      .left = absl::Seconds(10),
      .unloaded = absl::Seconds(1),
      .forecast = {.wait = absl::ZeroDuration(), .total = absl::Seconds(2)}};
  EXPECT_OK(CheckDeadline(check));
  check.delays_others = true;
  const absl::Status refused = CheckDeadline(check);
  EXPECT_THAT(refused,
              HasReason(absl::StatusCode::kResourceExhausted, kDeadlineAtRisk));
  EXPECT_EQ(RetryDelay(refused), absl::Seconds(2));
  // Who has no deadline waits.
  check.left = absl::InfiniteDuration();
  EXPECT_OK(CheckDeadline(check));
}

TEST(AdmissionTest, WhatNoQueueEverHoldsIsNotToComeBack) {
  const absl::Status refused =
      Admit({.max_queued_images = 10, .max_images_per_request = 64}, {}, 16);
  EXPECT_THAT(refused,
              HasReason(absl::StatusCode::kInvalidArgument, kTooManyImages));
  EXPECT_EQ(RetryDelay(refused), std::nullopt);
}

}  // namespace
}  // namespace cascade
