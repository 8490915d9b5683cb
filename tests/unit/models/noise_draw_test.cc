#include "models/training/noise_draw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace cascade {
namespace {

constexpr int kTimesteps = 8;
constexpr int kCount = 80000;

std::vector<NoiseDraw> Draw(NoiseConditioning conditioning, uint64_t seed = 3,
                            int stage = 1, int64_t step = 9) {
  const DiffusionSpec spec{.num_timesteps = kTimesteps,
                           .conditioning = conditioning};
  return DrawNoise(spec, NoiseSchedule(spec.schedule, kTimesteps), kCount, seed,
                   stage, step);
}

TEST(NoiseDrawTest, TimestepsAreDrawnEvenlyWithTheirAlphaBar) {
  const NoiseSchedule schedule(ScheduleKind::kCosine, kTimesteps);
  std::vector<int> counts(kTimesteps, 0);
  for (const NoiseDraw& draw : Draw(NoiseConditioning::kTimestep)) {
    ++counts[static_cast<size_t>(draw.timestep)];
    EXPECT_EQ(draw.alpha_bar, schedule.alpha_bar(draw.timestep));
    EXPECT_EQ(draw.told, draw.timestep);
  }
  const double share = 1.0 / kTimesteps;
  for (int count : counts) {
    EXPECT_NEAR(count / static_cast<double>(kCount), share,
                5 * std::sqrt(share * (1 - share) / kCount));
  }
}

// Within each timestep the level is even between its two ends, so its mean and
// variance are known; without noise, 1, is the first one's end.
TEST(NoiseDrawTest, LevelsAreDrawnEvenlyWithinTheTimestep) {
  const NoiseSchedule schedule(ScheduleKind::kCosine, kTimesteps);
  std::vector<double> sums(kTimesteps, 0);
  std::vector<double> squares(kTimesteps, 0);
  std::vector<double> counts(kTimesteps, 0);
  for (const NoiseDraw& draw : Draw(NoiseConditioning::kNoiseLevel)) {
    const auto t = static_cast<size_t>(draw.timestep);
    const double level = std::sqrt(draw.alpha_bar);
    EXPECT_DOUBLE_EQ(draw.told, 5000 * level);
    counts[t] += 1;
    sums[t] += level;
    squares[t] += level * level;
  }
  for (int t = 0; t < kTimesteps; ++t) {
    const auto i = static_cast<size_t>(t);
    const double low = std::sqrt(schedule.alpha_bar(t));
    const double high = t == 0 ? 1 : std::sqrt(schedule.alpha_bar(t - 1));
    const double spread = (high - low) / std::sqrt(12.0);
    const double mean = sums[i] / counts[i];
    EXPECT_NEAR(mean, (low + high) / 2, 5 * spread / std::sqrt(counts[i])) << t;
    EXPECT_NEAR(squares[i] / counts[i] - mean * mean, spread * spread,
                0.05 * spread * spread)
        << t;
  }
}

TEST(NoiseDrawTest, DrawsAreFunctionsOfSeedStageAndStep) {
  const auto levels = [](const std::vector<NoiseDraw>& draws) {
    std::vector<double> values;
    for (const NoiseDraw& draw : draws) values.push_back(draw.told);
    return values;
  };
  const auto kind = NoiseConditioning::kNoiseLevel;
  const std::vector<double> told = levels(Draw(kind));
  EXPECT_EQ(levels(Draw(kind)), told);
  EXPECT_NE(levels(Draw(kind, 4)), told);
  EXPECT_NE(levels(Draw(kind, 3, 2)), told);
  EXPECT_NE(levels(Draw(kind, 3, 1, 8)), told);
}

}  // namespace
}  // namespace cascade
