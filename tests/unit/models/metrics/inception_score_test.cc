#include "models/evaluation/inception_score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace cascade {
namespace {

using testing::HasSubstr;

FeatureSet Distributions(int classes, std::vector<float> probabilities) {
  FeatureSet set;
  set.classes = classes;
  set.count = static_cast<int64_t>(probabilities.size()) / classes;
  set.probabilities = std::move(probabilities);
  return set;
}

// Sorted by class, as a folder is.
FeatureSet OneHot(int classes, int images_per_class) {
  std::vector<float> probabilities;
  for (int c = 0; c < classes; ++c) {
    for (int i = 0; i < images_per_class * classes; ++i) {
      probabilities.push_back(i % classes == c ? 1.0f : 0.0f);
    }
  }
  return Distributions(classes, probabilities);
}

TEST(InceptionScoreTest, OfCertainAndEvenClassesIsTheirNumber) {
  const auto score = MeasureInceptionScore(OneHot(7, 30), 1, 0);
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_NEAR(score->mean, 7, 1e-12);
}

TEST(InceptionScoreTest, OfImagesThatLookAlikeIsOne) {
  const auto score = MeasureInceptionScore(
      Distributions(4, std::vector<float>(80, 0.25f)), 5, 0);
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_NEAR(score->mean, 1, 1e-12);
  EXPECT_NEAR(score->spread, 0, 1e-12);
}

// p = (0.9, 0.1) and (0.1, 0.9): exp(log 2 - H(0.9)).
TEST(InceptionScoreTest, IsTheClosedFormBetween) {
  const auto score =
      MeasureInceptionScore(Distributions(2, {0.9f, 0.1f, 0.1f, 0.9f}), 1, 0);
  ASSERT_TRUE(score.ok()) << score.status();
  const double entropy = -0.9 * std::log(0.9) - 0.1 * std::log(0.1);
  EXPECT_NEAR(score->mean, std::exp(std::log(2) - entropy), 1e-6);
}

// In the order of the folder, each split would hold one class and score 1.
TEST(InceptionScoreTest, SplitsASortedSetAcrossItsClasses) {
  const auto score = MeasureInceptionScore(OneHot(5, 100), 5, 0);
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_EQ(score->splits, 5);
  EXPECT_GT(score->mean, 4.8);
  EXPECT_LT(score->mean, 5);
  EXPECT_GT(score->spread, 0);
}

TEST(InceptionScoreTest, RefusesWhatIsNoDistribution) {
  EXPECT_THAT(std::string(MeasureInceptionScore(
                              Distributions(2, {0.5f, 0.5f, 0.9f, 0.3f}), 1, 0)
                              .status()
                              .message()),
              HasSubstr("image 1 sum up to 1.2"));
  EXPECT_FALSE(MeasureInceptionScore(FeatureSet(), 1, 0).ok());
  EXPECT_THAT(
      std::string(MeasureInceptionScore(OneHot(2, 1), 3, 0).status().message()),
      HasSubstr("2 images cannot be split into 3"));
}

}  // namespace
}  // namespace cascade
