#include "server/scheduler/forecast_margin.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace cascade {
namespace {

constexpr absl::Duration kAlone = absl::Seconds(1);
// Four seconds are the load's.
constexpr Forecast kForecast = {.wait = absl::Seconds(3),
                                .total = absl::Seconds(5)};

TEST(ForecastMarginTest, OnlyWhatTheLoadAddsIsStretched) {
  EXPECT_EQ(WithMargin(kAlone, kForecast, 1), absl::Seconds(5));
  EXPECT_EQ(WithMargin(kAlone, kForecast, 1.5), absl::Seconds(7));
  EXPECT_EQ(WithMargin(kAlone, {.total = kAlone}, 4), kAlone);
}

double Factor(const ForecastMargin& margin) {
  return margin.Factor(kAlone, kForecast);
}

void ObserveMany(ForecastMargin& margin, absl::Duration took) {
  for (int i = 0; i < 256; ++i) margin.Observe(kAlone, kForecast, took);
}

TEST(ForecastMarginTest, RisesAtOnceAndFallsWhenTheWindowHasPassed) {
  ForecastMargin margin;
  ObserveMany(margin, absl::Seconds(5));
  EXPECT_DOUBLE_EQ(Factor(margin), 1);
  // One of 256 may take longer, not two.
  margin.Observe(kAlone, kForecast, absl::Seconds(9));
  EXPECT_DOUBLE_EQ(Factor(margin), 1);
  margin.Observe(kAlone, kForecast, absl::Seconds(9));
  EXPECT_DOUBLE_EQ(Factor(margin), 2);
  ObserveMany(margin, absl::Seconds(5));
  EXPECT_DOUBLE_EQ(Factor(margin), 1);
}

TEST(ForecastMarginTest, JobsThatWereGivenUpRaiseIt) {
  ForecastMargin margin;
  ObserveMany(margin, absl::Seconds(5));
  for (int i = 0; i < 2; ++i) {
    margin.Observe(kAlone, kForecast, absl::InfiniteDuration());
  }
  EXPECT_GT(Factor(margin), 1.05);
}

TEST(ForecastMarginTest, JobsWithoutMuchLoadTeachNothing) {
  ForecastMargin margin;
  const double before = Factor(margin);
  for (int i = 0; i < 256; ++i) {
    margin.Observe(kAlone, {.total = 1.4 * kAlone}, absl::Seconds(9));
  }
  EXPECT_EQ(Factor(margin), before);
  EXPECT_EQ(margin.Factor(kAlone, {.total = 1.4 * kAlone}), before);
}

TEST(ForecastMarginTest, LightLoadsTeachNothingAboutHeavyOnes) {
  constexpr Forecast kLight = {.total = absl::Seconds(2)};
  constexpr Forecast kHeavy = {.total = absl::Seconds(1000)};
  ForecastMargin margin;
  const double before = margin.Factor(kAlone, kHeavy);
  for (int i = 0; i < 256; ++i) {
    margin.Observe(kAlone, kLight, absl::Seconds(3));
  }
  EXPECT_DOUBLE_EQ(margin.Factor(kAlone, kLight), 2);
  EXPECT_EQ(margin.Factor(kAlone, kHeavy), before);
}

TEST(ForecastMarginTest, StaysWithinReason) {
  ForecastMargin margin;
  ObserveMany(margin, absl::Seconds(1000));
  EXPECT_EQ(Factor(margin), 4);
  ObserveMany(margin, absl::Seconds(1));
  EXPECT_EQ(Factor(margin), 0.5);
  // Nothing is known of the time yet.
  EXPECT_EQ(margin.Factor(absl::ZeroDuration(), {}), 1.5);
}

// Whatever forecasts are worth, less than one job of 100 takes longer than
// the margin says.
TEST(ForecastMarginTest, CoversAlmostAllJobs) {
  for (const double bias : {0.8, 1.2, 2.0, 3.0}) {
    std::mt19937 random(8);
    std::normal_distribution<double> spread(std::log(bias), 0.1);
    ForecastMargin margin;
    int missed = 0;
    constexpr int kJobs = 50000;
    for (int i = 0; i < kJobs; ++i) {
      const absl::Duration took =
          WithMargin(kAlone, kForecast, std::exp(spread(random)));
      if (took > WithMargin(kAlone, kForecast, Factor(margin))) ++missed;
      margin.Observe(kAlone, kForecast, took);
    }
    EXPECT_NEAR(static_cast<double>(missed) / kJobs, 0.0075, 0.002) << bias;
  }
}

}  // namespace
}  // namespace cascade
