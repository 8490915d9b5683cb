#include "server/scheduler/promises.h"

#include <gtest/gtest.h>

namespace cascade {
namespace {

const absl::Time kNow = absl::UnixEpoch();

Promise Job(int rank, int due, int work, int deadline) {
  return {.rank = rank,
          .due = kNow + absl::Seconds(due),
          .work = absl::Seconds(work),
          .deadline = kNow + absl::Seconds(deadline)};
}

TEST(PromisesTest, ANewcomerAheadOfATightDeadlineBreaksIt) {
  const std::vector<Promise> jobs = {Job(1, 10, 4, 10)};
  EXPECT_FALSE(BreaksPromise(jobs, Job(1, 5, 6, 5), 1, kNow));
  EXPECT_TRUE(BreaksPromise(jobs, Job(1, 5, 7, 5), 1, kNow));
  // Two lanes do it in half the time.
  EXPECT_FALSE(BreaksPromise(jobs, Job(1, 5, 7, 5), 2, kNow));
}

TEST(PromisesTest, ANewcomerBehindBreaksNothing) {
  const std::vector<Promise> jobs = {Job(1, 10, 4, 10)};
  EXPECT_FALSE(BreaksPromise(jobs, Job(1, 11, 100, 200), 1, kNow));
  EXPECT_FALSE(BreaksPromise(jobs, Job(2, 1, 100, 200), 1, kNow));
  // A better rank may.
  EXPECT_FALSE(BreaksPromise(jobs, Job(0, 11, 100, 200), 1, kNow));
}

TEST(PromisesTest, TheWorkInBetweenCounts) {
  const std::vector<Promise> jobs = {Job(1, 20, 4, 20), Job(1, 10, 10, 90)};
  EXPECT_FALSE(BreaksPromise(jobs, Job(1, 5, 6, 9), 1, kNow));
  EXPECT_TRUE(BreaksPromise(jobs, Job(1, 5, 7, 9), 1, kNow));
}

TEST(PromisesTest, WhatIsLateAnywayIsNoReasonToRefuse) {
  EXPECT_FALSE(BreaksPromise({Job(1, 10, 11, 10)}, Job(1, 5, 7, 5), 1, kNow));
  Promise without_deadline = Job(1, 10, 11, 10);
  without_deadline.deadline = absl::InfiniteFuture();
  EXPECT_FALSE(BreaksPromise({without_deadline}, Job(1, 5, 7, 5), 1, kNow));
}

}  // namespace
}  // namespace cascade
