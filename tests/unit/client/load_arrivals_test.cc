#include "client/load_arrivals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace cascade {
namespace {

// The gaps between the arrivals, the first one from the load's start.
std::vector<double> Gaps(ArrivalTimes times, int count) {
  std::vector<double> gaps;
  double last = 0;
  for (int i = 0; i < count; ++i) {
    const double time = absl::ToDoubleSeconds(times.Next());
    gaps.push_back(time - last);
    last = time;
  }
  return gaps;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

TEST(ArrivalTimesTest, ConstantArrivalsKeepTheirGapWithoutDrift) {
  ArrivalTimes times(ArrivalKind::kConstant, 3, /*seed=*/0);
  EXPECT_EQ(times.Next(), absl::ZeroDuration());
  for (int i = 1; i < 3000; ++i) times.Next();
  EXPECT_EQ(times.Next(), absl::Seconds(1000));
}

TEST(ArrivalTimesTest, PoissonGapsAreExponential) {
  constexpr double kRate = 50;
  const auto gaps = Gaps({ArrivalKind::kPoisson, kRate, /*seed=*/7}, 100'000);
  std::vector<double> squares;
  int beyond_mean = 0;
  for (double gap : gaps) {
    EXPECT_GE(gap, 0);
    squares.push_back(gap * gap);
    beyond_mean += gap > 1 / kRate;
  }
  // Five standard errors of each: mean 1/r, E[gap^2] 2/r^2, P(gap > 1/r) 1/e.
  const double root = std::sqrt(static_cast<double>(gaps.size()));
  EXPECT_NEAR(Mean(gaps) * kRate, 1, 5 / root);
  EXPECT_NEAR(Mean(squares) * kRate * kRate, 2, 5 * std::sqrt(20) / root);
  EXPECT_NEAR(beyond_mean / static_cast<double>(gaps.size()), std::exp(-1),
              5 * 0.5 / root);
}

TEST(ArrivalTimesTest, PoissonCountsVaryAsMuchAsTheirMean) {
  ArrivalTimes times(ArrivalKind::kPoisson, 10, /*seed=*/3);
  std::vector<double> counts(10'000, 0.0);
  for (;;) {
    const int64_t second = times.Next() / absl::Seconds(1);
    if (second >= 10'000) break;
    ++counts[static_cast<size_t>(second)];
  }
  const double mean = Mean(counts);
  double variance = 0;
  for (double count : counts) variance += (count - mean) * (count - mean);
  variance /= static_cast<double>(counts.size() - 1);
  EXPECT_NEAR(mean, 10, 0.2);
  EXPECT_NEAR(variance / mean, 1, 0.08);
}

TEST(ArrivalTimesTest, TheSeedDecides) {
  const ArrivalTimes times(ArrivalKind::kPoisson, 10, /*seed=*/1);
  EXPECT_EQ(Gaps(times, 50), Gaps(times, 50));
  EXPECT_NE(Gaps(times, 50), Gaps({ArrivalKind::kPoisson, 10, /*seed=*/2}, 50));
}

}  // namespace
}  // namespace cascade
