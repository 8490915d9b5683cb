#include "models/sampling/counter_noise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace cascade {
namespace {

using Block = std::array<uint32_t, 4>;

// kat_vectors of the Random123 distribution, philox4x32 with 10 rounds.
TEST(CounterNoiseTest, PhiloxGivesTheKnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(Philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// What a seed means must never change between releases.
TEST(CounterNoiseTest, NormalsOfASeedStayTheSame) {
  std::array<float, 5> values;
  FillNormal({.seed = 7, .stage = 1, .purpose = NoisePurpose::kStep, .step = 3},
             values);
  const std::array<float, 5> expected = {
      -0.0794644654f, 1.42111683f, 1.07964432f, 0.93344754f, -0.00836394727f};
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_FLOAT_EQ(values[i], expected[i]);
  }
}

TEST(CounterNoiseTest, ElementDependsOnItsIndexOnly) {
  const NoiseKey key = {.seed = 1234567890123};
  std::vector<float> all(1000);
  FillNormal(key, all);
  for (size_t size : {1u, 2u, 3u, 5u, 17u, 999u}) {
    std::vector<float> part(size);
    FillNormal(key, part);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin())) << size;
  }
}

TEST(CounterNoiseTest, EveryPartOfTheKeyCounts) {
  const NoiseKey key = {.seed = 5};
  std::vector<NoiseKey> others(5, key);
  others[0].seed = 6;
  others[1].seed = 5 + (uint64_t{1} << 32);
  others[2].stage = 1;
  others[3].purpose = NoisePurpose::kStep;
  others[4].step = 1;
  std::array<float, 4> base;
  FillNormal(key, base);
  for (const NoiseKey& other : others) {
    std::array<float, 4> values;
    FillNormal(other, values);
    EXPECT_NE(values, base);
  }
}

TEST(CounterNoiseTest, NormalsHaveTheMomentsOfNormals) {
  constexpr size_t kCount = 1 << 20;
  std::vector<float> values(kCount);
  FillNormal({.seed = 99}, values);
  std::array<double, 4> moments = {};
  double neighbours = 0;
  for (size_t i = 0; i < kCount; ++i) {
    double power = 1;
    for (double& moment : moments) moment += power *= values[i];
    neighbours += i == 0 ? 0.0 : static_cast<double>(values[i]) * values[i - 1];
  }
  // Five standard errors of each estimate.
  const double five_sigma = 5 / std::sqrt(static_cast<double>(kCount));
  EXPECT_NEAR(moments[0] / kCount, 0, five_sigma);
  EXPECT_NEAR(moments[1] / kCount, 1, five_sigma * std::sqrt(2.0));
  EXPECT_NEAR(moments[2] / kCount, 0, five_sigma * std::sqrt(15.0));
  EXPECT_NEAR(moments[3] / kCount, 3, five_sigma * std::sqrt(96.0));
  EXPECT_NEAR(neighbours / kCount, 0, five_sigma);
}

TEST(CounterNoiseTest, NormalsFollowTheNormalDistribution) {
  constexpr size_t kCount = 100000;
  std::vector<float> values(kCount);
  FillNormal({.seed = 42}, values);
  std::sort(values.begin(), values.end());
  double distance = 0;  // Kolmogorov and Smirnov's.
  for (size_t i = 0; i < kCount; ++i) {
    const double cdf = 0.5 * std::erfc(-values[i] / std::sqrt(2.0));
    distance =
        std::max(distance, std::abs(cdf - static_cast<double>(i) / kCount));
  }
  EXPECT_LT(distance, 1.95 / std::sqrt(static_cast<double>(kCount)));
}

TEST(CounterNoiseTest, UniformsFillTheUnitInterval) {
  constexpr size_t kCount = 100000;
  std::vector<double> values(kCount);
  FillUniform({.seed = 3}, values);
  double sum = 0;
  for (double value : values) {
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / kCount, 0.5, 5 / std::sqrt(12.0 * kCount));
}

}  // namespace
}  // namespace cascade
