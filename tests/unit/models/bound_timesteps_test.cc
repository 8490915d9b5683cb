#include "models/evaluation/bound_timesteps.h"

#include <gtest/gtest.h>

#include <vector>

namespace cascade {
namespace {

TEST(BoundTimestepsTest, AllTermsCountOnce) {
  const NoiseSchedule schedule(ScheduleKind::kCosine, 6);
  for (int count : {0, 4, 5, 100}) {
    if (count == 4) continue;  // Fewer than the five terms: drawn.
    const BoundTimesteps plan(schedule, 1, count);
    EXPECT_EQ(plan.num_uniforms(), 0);
    EXPECT_EQ(plan.Draw({}), (std::vector<WeightedTimestep>{
                                 {1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}}));
  }
  EXPECT_EQ(BoundTimesteps(schedule, 4, 0).Draw({}).front().timestep, 4);
  // Stopped at the start: nothing is left.
  EXPECT_TRUE(BoundTimesteps(schedule, 6, 0).Draw({}).empty());
  EXPECT_TRUE(BoundTimesteps(schedule, 6, 3).Draw({}).empty());
}

// Averaged over its uniform numbers, each term counts once.
TEST(BoundTimestepsTest, WeightsAreRightOnAverage) {
  const NoiseSchedule schedule(ScheduleKind::kCosine, 50);
  constexpr int kGrid = 40000;
  for (int first : {1, 17}) {
    for (int count : {1, 3, 10}) {
      const BoundTimesteps plan(schedule, first, count);
      ASSERT_EQ(plan.num_uniforms(), count);
      std::vector<double> means(50, 0);
      for (int i = 0; i < kGrid; ++i) {
        const std::vector<double> uniforms(static_cast<size_t>(count),
                                           (i + 0.5) / kGrid);
        for (const WeightedTimestep& at : plan.Draw(uniforms)) {
          means[static_cast<size_t>(at.timestep)] += at.weight / kGrid;
          // A tenth of the draws is even.
          EXPECT_LE(at.weight, 10.0 * (50 - first) / count);
        }
      }
      for (int t = 0; t < 50; ++t) {
        EXPECT_NEAR(means[static_cast<size_t>(t)], t < first ? 0 : 1, 0.02)
            << "t = " << t << ", first = " << first << ", count = " << count;
      }
    }
  }
}

TEST(BoundTimestepsTest, MostDrawsHaveLittleNoise) {
  const NoiseSchedule schedule(ScheduleKind::kCosine, 1000);
  const BoundTimesteps plan(schedule, 1, 100);
  int below = 0;
  for (const WeightedTimestep& at : plan.Draw(std::vector<double>(100, 0.5))) {
    if (at.timestep < 250) ++below;
  }
  EXPECT_GT(below, 50);
  EXPECT_LT(below, 100);
}

}  // namespace
}  // namespace cascade
