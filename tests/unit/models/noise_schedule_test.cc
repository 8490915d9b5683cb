#include "models/sampling/noise_schedule.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "models/sampling/augmentation.h"
#include "models/sampling/timestep_spacing.h"

namespace cascade {
namespace {

// Within a relative 5e-9: the vectors have nine digits or more.
void ExpectClose(double actual, double expected) {
  EXPECT_NEAR(actual, expected, 5e-9 * std::abs(expected));
}

NoiseSchedule Respaced250(ScheduleKind kind) {
  const std::array<int, 1> counts = {250};
  return NoiseSchedule(kind, 1000)
      .Respaced(SectionTimesteps(1000, counts).value());
}

TEST(NoiseScheduleTest, LinearHasThePublishedValues) {
  const NoiseSchedule schedule(ScheduleKind::kLinear, 1000);
  ExpectClose(schedule.beta(0), 1e-4);
  EXPECT_NEAR(schedule.beta(1), 1.1991992e-4, 1e-11);
  ExpectClose(schedule.alpha_bar(0), 0.9999);
  ExpectClose(schedule.alpha_bar(250), 0.5214230306);
  ExpectClose(schedule.alpha_bar(500), 0.0777966584);
  EXPECT_NEAR(schedule.alpha_bar(750), 0.0033001584, 1e-10);
  ExpectClose(schedule.alpha_bar(999), 4.035829765e-5);
}

TEST(NoiseScheduleTest, CosineHasThePublishedValues) {
  const NoiseSchedule schedule(ScheduleKind::kCosine, 1000);
  ExpectClose(schedule.beta(0), 4.128422482e-5);
  ExpectClose(schedule.beta(1), 4.614175274e-5);
  EXPECT_EQ(schedule.beta(999), 0.999);
  ExpectClose(schedule.alpha_bar(250), 0.8458879865);
  ExpectClose(schedule.alpha_bar(500), 0.4922851724);
  ExpectClose(schedule.alpha_bar(750), 0.1431786464);
  ExpectClose(schedule.alpha_bar(998), 2.428766907e-6);
  ExpectClose(schedule.alpha_bar(999), 2.428766907e-9);
  EXPECT_NEAR(std::sqrt(1 / schedule.alpha_bar(0) - 1), 0.00642541, 1e-8);
  EXPECT_NEAR(std::sqrt(1 / schedule.alpha_bar(998) - 1), 641.662, 1e-3);
  EXPECT_NEAR(std::sqrt(1 / schedule.alpha_bar(999) - 1), 20291.2, 0.1);
}

TEST(NoiseScheduleTest, RespacedLinearHasThePublishedPosterior) {
  const NoiseSchedule schedule = Respaced250(ScheduleKind::kLinear);
  ExpectClose(schedule.beta(1), 0.000599065564);
  ExpectClose(schedule.PosteriorVariance(1), 8.57025344e-5);
  ExpectClose(schedule.ClippedPosteriorLogVariance(1), -9.36462816);
  ExpectClose(std::log(schedule.beta(1)), -7.42013951);
  ExpectClose(schedule.PosteriorX0Weight(1), 0.856982492);
  EXPECT_NEAR(schedule.PosteriorXWeight(1), 0.143017501, 1e-9);
  ExpectClose(schedule.beta(249), 0.0775193450);
  ExpectClose(schedule.ClippedPosteriorLogVariance(249), -2.55723115);
  ExpectClose(schedule.PosteriorX0Weight(249), 0.000512761498);
  ExpectClose(schedule.PosteriorXWeight(249), 0.960455307);
}

TEST(NoiseScheduleTest, RespacedCosineHasThePublishedPosterior) {
  const NoiseSchedule schedule = Respaced250(ScheduleKind::kCosine);
  ExpectClose(schedule.beta(1), 0.000213697234);
  ExpectClose(schedule.ClippedPosteriorLogVariance(1), -10.2716261);
  ExpectClose(std::log(schedule.beta(1)), -8.45095034);
  ExpectClose(schedule.PosteriorX0Weight(1), 0.838101005);
  ExpectClose(schedule.PosteriorXWeight(1), 0.161898994);
  ExpectClose(schedule.beta(249), 0.999937499);
  ExpectClose(schedule.ClippedPosteriorLogVariance(249), -0.000101360837);
  ExpectClose(schedule.PosteriorX0Weight(249), 0.0062333732);
  ExpectClose(schedule.PosteriorXWeight(249), 0.00790543495);
}

TEST(NoiseScheduleTest, FirstTimestepBorrowsTheLogVarianceOfTheSecond) {
  const NoiseSchedule schedule(ScheduleKind::kCosine, 100);
  EXPECT_EQ(schedule.PosteriorVariance(0), 0);
  EXPECT_EQ(schedule.ClippedPosteriorLogVariance(0),
            std::log(schedule.PosteriorVariance(1)));
}

TEST(NoiseScheduleTest, ShortLinearProcessesStayDefined) {
  for (int num_timesteps = 1; num_timesteps <= 25; ++num_timesteps) {
    const NoiseSchedule schedule(ScheduleKind::kLinear, num_timesteps);
    EXPECT_GT(schedule.alpha_bar(num_timesteps - 1), 0) << num_timesteps;
    EXPECT_TRUE(std::isfinite(schedule.ClippedPosteriorLogVariance(0)));
  }
}

TEST(AugmentationTest, LevelZeroIsClean) {
  const NoiseSchedule schedule(ScheduleKind::kCosine, 1000);
  const AugmentationPoint point = AugmentationAtLevel(schedule, 0);
  EXPECT_EQ(point.signal, 1);
  EXPECT_EQ(point.noise, 0);
  EXPECT_EQ(point.index, 0);
}

TEST(AugmentationTest, FollowsTheScheduleToNoise) {
  // cdm.md 1.5: T = 4000, s = 501 of the notes is the 501st timestep.
  const NoiseSchedule schedule(ScheduleKind::kCosine, 4000);
  const AugmentationPoint point = AugmentationAtIndex(schedule, 501);
  EXPECT_NEAR(point.signal, 0.97859, 1e-4);
  EXPECT_NEAR(point.noise, 0.2058, 1e-3);
  EXPECT_EQ(AugmentationAtLevel(schedule, 501 / 4000.0).index, 501);
  EXPECT_EQ(AugmentationAtLevel(schedule, 1).index, 4000);
  EXPECT_LT(AugmentationAtLevel(schedule, 1).signal, 1e-3);
}

TEST(NoiseScheduleTest, FindsTheTimestepOfAnAlphaBar) {
  for (ScheduleKind kind : {ScheduleKind::kLinear, ScheduleKind::kCosine}) {
    const NoiseSchedule schedule(kind, 50);
    for (int t = 0; t < 50; ++t) {
      EXPECT_NEAR(schedule.TimestepAt(schedule.alpha_bar(t)), t, 1e-9);
    }
    EXPECT_EQ(schedule.TimestepAt(1), 0);
    EXPECT_EQ(schedule.TimestepAt(0), 49);
    // Where the signal-to-noise ratio is the geometric mean of two timesteps'.
    const auto snr = [&](int t) {
      return schedule.alpha_bar(t) / (1 - schedule.alpha_bar(t));
    };
    const double between = std::sqrt(snr(20) * snr(21));
    EXPECT_NEAR(schedule.TimestepAt(between / (1 + between)), 20.5, 1e-9);
  }
}

TEST(NoiseScheduleTest, LinearBetasMayBeChosen) {
  const NoiseSchedule schedule = NoiseSchedule::Linear(5, 0.1, 0.3);
  double alpha_bar = 1;
  for (int t = 0; t < 5; ++t) {
    EXPECT_NEAR(schedule.beta(t), 0.1 + 0.05 * t, 1e-15);
    alpha_bar *= 1 - schedule.beta(t);
    EXPECT_NEAR(schedule.alpha_bar(t), alpha_bar, 1e-15);
  }
}

}  // namespace
}  // namespace cascade
