#include "models/evaluation/kernel_distance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace cascade {
namespace {

using testing::HasSubstr;

FeatureSet Numbers(std::vector<float> values) {
  FeatureSet set;
  set.count = static_cast<int64_t>(values.size());
  set.dimensions = 1;
  set.features = std::move(values);
  return set;
}

// k(0, 1) = 1, k(0, 2) = 1, and across 1, 1, 1, 27.
TEST(KernelDistanceTest, IsTheEstimatorByHand) {
  const auto distance =
      MeasureKernelDistance(Numbers({0, 1}), Numbers({0, 2}), {});
  ASSERT_TRUE(distance.ok()) << distance.status();
  EXPECT_DOUBLE_EQ(distance->mean, 1 + 1 - 2 * 7.5);
  EXPECT_EQ(distance->spread, 0);
  EXPECT_EQ(distance->subset_size, 2);
}

// With x in {-1, 1} evenly and y = 2 x, the kernel's expectation within is
// 1 + 3 E[xx']^2 ... : E(1 + z)^3 = 1 + 3 E z^2 for a z without odd moments,
// so 4 within x, 1 + 3 * 16 within y, 1 + 3 * 4 across.
TEST(KernelDistanceTest, IsUnbiasedOverSubsets) {
  std::vector<float> x;
  std::vector<float> y;
  for (int i = 0; i < 4000; ++i) {
    x.push_back(i % 2 == 0 ? 1 : -1);
    y.push_back(i % 2 == 0 ? 2 : -2);
  }
  const auto distance = MeasureKernelDistance(
      Numbers(x), Numbers(y), {.subsets = 400, .subset_size = 20, .seed = 3});
  ASSERT_TRUE(distance.ok()) << distance.status();
  const double expected = 4 + 49 - 2 * 13;
  EXPECT_GT(distance->spread, 0);
  // Four standard errors.
  EXPECT_NEAR(distance->mean, expected, 4 * distance->spread / 20);
  const auto again = MeasureKernelDistance(
      Numbers(x), Numbers(y), {.subsets = 400, .subset_size = 20, .seed = 3});
  EXPECT_EQ(again->mean, distance->mean);
}

TEST(KernelDistanceTest, RefusesWhatCannotBeCompared) {
  FeatureSet wide = Numbers({1, 2, 3, 4});
  wide.count = 2;
  wide.dimensions = 2;
  EXPECT_THAT(
      std::string(
          MeasureKernelDistance(Numbers({1, 2}), wide, {}).status().message()),
      HasSubstr("of 1 and of 2 dimensions"));
  EXPECT_THAT(
      std::string(MeasureKernelDistance(Numbers({1}), Numbers({1, 2}), {})
                      .status()
                      .message()),
      HasSubstr("samples: 1 images"));
  const float infinite = std::numeric_limits<float>::infinity();
  EXPECT_THAT(std::string(MeasureKernelDistance(Numbers({1, 2}),
                                                Numbers({1, infinite}), {})
                              .status()
                              .message()),
              HasSubstr("reference: a feature is infinite"));
}

}  // namespace
}  // namespace cascade
