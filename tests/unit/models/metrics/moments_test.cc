#include "models/evaluation/moments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace cascade {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pointwise;

TEST(MomentsTest, AreTheMeanAndTheUnbiasedCovariance) {
  Moments moments(2);
  ASSERT_TRUE(moments.Add(std::vector<float>{1, 10, 3, 20, 5, 60}).ok());
  EXPECT_EQ(moments.count(), 3);
  EXPECT_THAT(moments.mean(), ElementsAre(3, 30));
  EXPECT_THAT(moments.Covariance(), ElementsAre(4, 50, 50, 700));
}

// Longer than the pieces that are computed at once.
TEST(MomentsTest, DoNotDependOnHowTheVectorsCome) {
  std::vector<float> rows;
  for (int i = 0; i < 3 * 2500; ++i) {
    rows.push_back(static_cast<float>(std::sin(i) + 100));
  }
  Moments whole(3);
  ASSERT_TRUE(whole.Add(rows).ok());
  Moments first(3);
  Moments second(3);
  const std::span<const float> all(rows);
  ASSERT_TRUE(first.Add(all.first(30)).ok());
  ASSERT_TRUE(first.Add(all.subspan(30, 0)).ok());
  ASSERT_TRUE(second.Add(all.subspan(30, 600)).ok());
  ASSERT_TRUE(second.Add(all.subspan(630)).ok());
  ASSERT_TRUE(first.Merge(second).ok());
  EXPECT_EQ(first.count(), 2500);
  EXPECT_THAT(first.mean(), Pointwise(DoubleNear(1e-10), whole.mean()));
  EXPECT_THAT(first.Covariance(),
              Pointwise(DoubleNear(1e-12), whole.Covariance()));
}

// 1e7 and its neighbour: the squares' difference is lost among 16 digits.
TEST(MomentsTest, KeepSmallSpreadsFarFromZero) {
  Moments moments(1);
  for (int i = 0; i < 1000; ++i) {
    const std::vector<float> row = {i % 2 == 0 ? 1e7f : 1e7f + 1};
    ASSERT_TRUE(moments.Add(row).ok());
  }
  EXPECT_NEAR(moments.Covariance()[0], 0.25 * 1000 / 999, 1e-9);
}

TEST(MomentsTest, RefuseWhatIsNoVector) {
  Moments moments(2);
  EXPECT_FALSE(moments.Add(std::vector<float>{1, 2, 3}).ok());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(std::string(moments.Add(std::vector<float>{1, nan}).message()),
              HasSubstr("NaN"));
  EXPECT_EQ(moments.count(), 0);
  EXPECT_FALSE(moments.Merge(Moments(3)).ok());
  EXPECT_FALSE(Moments::FromParts(3, {1, 2}, {1, 2, 3}).ok());
}

}  // namespace
}  // namespace cascade
