#include "models/sampling/karras_schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "models/sampling/solver_point.h"

namespace cascade {
namespace {

// The values of cdm.md, section 2.4, to their last digit.
TEST(KarrasScheduleTest, HasThePublishedGrid) {
  const std::vector<double> sigmas = KarrasSigmas({}, 18);
  ASSERT_EQ(sigmas.size(), 18u);
  EXPECT_EQ(sigmas[0], 80);
  EXPECT_NEAR(sigmas[1], 57.585985, 5e-7);
  EXPECT_NEAR(sigmas[2], 40.785574, 5e-7);
  EXPECT_NEAR(sigmas[3], 28.374585, 5e-7);
  EXPECT_NEAR(sigmas[15], 0.022935, 5e-7);
  EXPECT_NEAR(sigmas[16], 0.007528, 5e-7);
  EXPECT_EQ(sigmas[17], 0.002);
  EXPECT_NEAR(KarrasSigmas({}, 40)[22], 1.382368, 5e-7);
}

TEST(KarrasScheduleTest, OneSigmaIsTheLargest) {
  EXPECT_EQ(KarrasSigmas({.sigma_max = 3}, 1), std::vector<double>{3});
}

TEST(KarrasScheduleTest, NoiseFractionIsThePlaceInTheGrid) {
  const KarrasSpec spec = {.sigma_min = 0.01, .sigma_max = 50, .rho = 5};
  const std::vector<double> sigmas = KarrasSigmas(spec, 11);
  for (size_t i = 0; i < sigmas.size(); ++i) {
    EXPECT_NEAR(KarrasNoiseFraction(spec, sigmas[i]),
                1 - 0.1 * static_cast<double>(i), 1e-12);
  }
  EXPECT_EQ(KarrasNoiseFraction(spec, 50), 1);
  EXPECT_EQ(KarrasNoiseFraction(spec, 0.01), 0);
}

TEST(KarrasScheduleTest, TimestepsAreTheNearestToTheGrid) {
  const NoiseSchedule schedule(ScheduleKind::kCosine, 1000);
  const auto sigma = [&](int t) {
    return std::sqrt(1 / schedule.alpha_bar(t) - 1);
  };
  const std::vector<int> timesteps = KarrasTimesteps(schedule, 18);
  ASSERT_EQ(timesteps.size(), 18u);
  // The process reaches from 0.0064 to 20291.
  KarrasSpec spec;
  spec.sigma_min = sigma(0);
  const std::vector<double> sigmas = KarrasSigmas(spec, 18);
  for (size_t i = 0; i < sigmas.size(); ++i) {
    const int t = timesteps[17 - i];
    for (int other = 0; other < 1000; ++other) {
      ASSERT_LE(std::abs(sigma(t) - sigmas[i]),
                std::abs(sigma(other) - sigmas[i]))
          << t << " against " << other;
    }
  }
  EXPECT_EQ(timesteps.front(), 0);
}

TEST(KarrasScheduleTest, TimestepsStayDistinctForAnyCount) {
  for (ScheduleKind kind : {ScheduleKind::kLinear, ScheduleKind::kCosine}) {
    for (int total : {1, 2, 7, 60}) {
      const NoiseSchedule schedule(kind, total);
      for (int count = 1; count <= total; ++count) {
        const std::vector<int> timesteps = KarrasTimesteps(schedule, count);
        ASSERT_EQ(timesteps.size(), static_cast<size_t>(count));
        EXPECT_GE(timesteps.front(), 0);
        EXPECT_LT(timesteps.back(), total);
        for (size_t i = 1; i < timesteps.size(); ++i) {
          ASSERT_LT(timesteps[i - 1], timesteps[i]);
        }
      }
    }
  }
}

// Karras et al. 2022, table 1, column "Ours", at sigma = sigma_data = 0.5 and
// at sigma = 80.
TEST(KarrasPointTest, ScalesAsThePaperDoes) {
  const DiffusionSpec spec = {.schedule = ScheduleKind::kKarras,
                              .prediction = PredictionType::kEdm};
  const SolverPoint middle = KarrasPoint(spec, 0.5);
  EXPECT_NEAR(middle.line.c_x, 0.5, 1e-15);
  EXPECT_NEAR(middle.line.c_out, 0.5 / std::sqrt(2), 1e-15);
  EXPECT_NEAR(middle.line.c_in, std::sqrt(2), 1e-15);
  EXPECT_NEAR(middle.line.timestep, -250 * std::log(2), 1e-12);
  EXPECT_EQ(middle.signal, 1);
  EXPECT_EQ(middle.noise, 0.5);
  const SolverPoint noise = KarrasPoint(spec, 80);
  EXPECT_NEAR(noise.line.c_x, 0.25 / 6400.25, 1e-18);
  EXPECT_NEAR(noise.line.c_out, 40 / std::sqrt(6400.25), 1e-15);
  EXPECT_NEAR(noise.line.timestep, 1095.5066586684816, 1e-9);
}

// Song et al. 2023: f(x, sigma_min) = x.
TEST(KarrasPointTest, ConsistencyModelKeepsItsBoundary) {
  const DiffusionSpec spec = {.schedule = ScheduleKind::kKarras,
                              .prediction = PredictionType::kConsistency};
  const SolverPoint boundary = KarrasPoint(spec, 0.002);
  EXPECT_EQ(boundary.line.c_x, 1);
  EXPECT_EQ(boundary.line.c_out, 0);
  const SolverPoint noise = KarrasPoint(spec, 80);
  EXPECT_NEAR(noise.line.c_x, 0.25 / (79.998 * 79.998 + 0.25), 1e-18);
  EXPECT_NEAR(noise.line.c_out, 79.998 * 0.5 / std::sqrt(6400.25), 1e-14);
  EXPECT_NEAR(noise.line.c_in, 1 / std::sqrt(6400.25), 1e-17);
}

}  // namespace
}  // namespace cascade
