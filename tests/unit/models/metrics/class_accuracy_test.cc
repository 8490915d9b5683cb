#include "models/evaluation/class_accuracy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace cascade {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Class 0 is the most likely for every image, then 1, and so on.
FeatureSet Descending(int count, int classes) {
  FeatureSet set;
  set.count = count;
  set.classes = classes;
  for (int i = 0; i < count * classes; ++i) {
    set.probabilities.push_back(static_cast<float>(classes - i % classes));
  }
  return set;
}

TEST(ClassAccuracyTest, CountsTheFirstAndTheFirstFive) {
  const std::vector<int> labels = {0, 0, 4, 5, 0, 1};
  const auto accuracy = MeasureClassAccuracy(Descending(6, 7), labels);
  ASSERT_TRUE(accuracy.ok()) << accuracy.status();
  EXPECT_DOUBLE_EQ(accuracy->top1, 3.0 / 6);
  EXPECT_DOUBLE_EQ(accuracy->top5, 5.0 / 6);
  const std::optional<double> none;
  EXPECT_THAT(accuracy->per_class, ElementsAre(1, 0, none, none, 0, 0, none));
  EXPECT_THAT(accuracy->count_per_class, ElementsAre(3, 1, 0, 0, 1, 1, 0));
}

// A network that says the same of all classes knows nothing.
TEST(ClassAccuracyTest, GivesNothingForEvenProbabilities) {
  FeatureSet even = Descending(4, 8);
  even.probabilities.assign(32, 0.125f);
  const auto accuracy =
      MeasureClassAccuracy(even, std::vector<int>{1, 4, 5, 7});
  ASSERT_TRUE(accuracy.ok()) << accuracy.status();
  EXPECT_EQ(accuracy->top1, 0);
  EXPECT_EQ(accuracy->top5, 0.5);
}

TEST(ClassAccuracyTest, RefusesLabelsItDoesNotKnow) {
  EXPECT_THAT(
      std::string(MeasureClassAccuracy(Descending(2, 3), std::vector<int>{0, 3})
                      .status()
                      .message()),
      HasSubstr("image 1 is of class 3"));
  EXPECT_FALSE(
      MeasureClassAccuracy(Descending(2, 3), std::vector<int>{0}).ok());
}

}  // namespace
}  // namespace cascade
