#include "client/latency_summary.h"

#include <gtest/gtest.h>

namespace cascade {
namespace {

TEST(LatencySummaryTest, TakesTheNearestRank) {
  std::vector<double> seconds;
  for (int i = 100; i >= 1; --i) seconds.push_back(i);
  const LatencySummary summary = Summarize(seconds);
  EXPECT_EQ(summary.p50, 50);
  EXPECT_EQ(summary.p90, 90);
  EXPECT_EQ(summary.p99, 99);
  EXPECT_EQ(summary.max, 100);
  EXPECT_EQ(summary.mean, 50.5);
}

TEST(LatencySummaryTest, OneValueIsEveryPercentile) {
  const LatencySummary summary = Summarize({2});
  EXPECT_EQ(summary.p50, 2);
  EXPECT_EQ(summary.p99, 2);
}

TEST(LatencySummaryTest, NothingIsZero) { EXPECT_EQ(Summarize({}).p99, 0); }

}  // namespace
}  // namespace cascade
