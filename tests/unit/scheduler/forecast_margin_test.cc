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

TEST(ForecastMarginTest, RisesFastAndFallsSlowly) {
  ForecastMargin margin;
  const double before = margin.factor();
  margin.Observe(kAlone, kForecast, absl::InfiniteDuration());
  const double risen = margin.factor();
  EXPECT_GT(risen, 1.04 * before);
  margin.Observe(kAlone, kForecast, absl::Seconds(5));
  EXPECT_LT(margin.factor(), risen);
  EXPECT_GT(margin.factor(), 0.999 * risen);
}

TEST(ForecastMarginTest, JobsWithoutMuchLoadTeachNothing) {
  ForecastMargin margin;
  const double before = margin.factor();
  margin.Observe(kAlone, {.total = 1.4 * kAlone}, absl::InfiniteDuration());
  EXPECT_EQ(margin.factor(), before);
}

TEST(ForecastMarginTest, StaysWithinReason) {
  ForecastMargin margin;
  for (int i = 0; i < 1000; ++i) {
    margin.Observe(kAlone, kForecast, absl::InfiniteDuration());
  }
  EXPECT_EQ(margin.factor(), 4);
  for (int i = 0; i < 100000; ++i) {
    margin.Observe(kAlone, kForecast, absl::Seconds(1));
  }
  EXPECT_EQ(margin.factor(), 1.1);
}

// Whatever forecasts are worth, about one job of 200 takes longer than the
// margin says.
TEST(ForecastMarginTest, CoversAlmostAllJobs) {
  for (const double bias : {1.2, 2.0, 3.0}) {
    std::mt19937 random(8);
    std::normal_distribution<double> spread(std::log(bias), 0.1);
    ForecastMargin margin;
    int missed = 0;
    constexpr int kJobs = 50000;
    for (int i = 0; i < 2 * kJobs; ++i) {
      const absl::Duration took =
          WithMargin(kAlone, kForecast, std::exp(spread(random)));
      const bool is_missed =
          took > WithMargin(kAlone, kForecast, margin.factor());
      if (i >= kJobs && is_missed) ++missed;
      margin.Observe(kAlone, kForecast, took);
    }
    EXPECT_NEAR(static_cast<double>(missed) / kJobs, 0.005, 0.002) << bias;
  }
}

}  // namespace
}  // namespace cascade
