#include "models/evaluation/frechet_distance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace cascade {
namespace {

using testing::HasSubstr;

// The moments with this mean and covariance.
Moments Given(std::vector<double> mean, std::vector<double> covariance) {
  for (double& value : covariance) value *= 999;
  return *Moments::FromParts(1000, std::move(mean), std::move(covariance));
}

double Distance(const Moments& a, const Moments& b) {
  const auto distance = FrechetDistance(a, b);
  EXPECT_TRUE(distance.ok()) << distance.status();
  return distance.value_or(-1);
}

TEST(FrechetDistanceTest, OfNumbersIsThatOfMeansAndDeviations) {
  EXPECT_NEAR(Distance(Given({1}, {4}), Given({4}, {25})), 9 + 9, 1e-12);
}

TEST(FrechetDistanceTest, OfIndependentDimensionsIsTheirSum) {
  EXPECT_NEAR(Distance(Given({0, 0, 1}, {1, 0, 0, 0, 4, 0, 0, 0, 9}),
                       Given({0, 2, 1}, {4, 0, 0, 0, 1, 0, 0, 0, 9})),
              4 + 1 + 1, 1e-12);
}

// The root of a 2x2 matrix M has the trace sqrt(tr M + 2 sqrt(det M)).
TEST(FrechetDistanceTest, OfCovariancesThatDoNotCommute) {
  const std::vector<double> a = {2, 0.5, 0.5, 1};
  const std::vector<double> b = {1, -0.8, -0.8, 3};
  const double trace = a[0] * b[0] + 2 * a[1] * b[1] + a[3] * b[3];
  const double determinant =
      (a[0] * a[3] - a[1] * a[1]) * (b[0] * b[3] - b[1] * b[1]);
  const double expected =
      3 + 4 - 2 * std::sqrt(trace + 2 * std::sqrt(determinant));
  EXPECT_NEAR(Distance(Given({0, 0}, a), Given({0, 0}, b)), expected, 1e-12);
}

std::vector<float> Rows(int count, int width, int first_used) {
  std::vector<float> rows;
  for (int i = 0; i < count * width; ++i) {
    const bool used = i % width >= first_used && i % width < first_used + 20;
    rows.push_back(used ? static_cast<float>(std::sin(i * i)) : 0);
  }
  return rows;
}

// Five images in 60 dimensions.
TEST(FrechetDistanceTest, OfASetWithoutFullRankToItselfIsZero) {
  Moments moments(60);
  ASSERT_TRUE(moments.Add(Rows(5, 60, 0)).ok());
  double trace = 0;
  for (size_t i = 0; i < 60; ++i) trace += moments.Covariance()[i * 61];
  EXPECT_LT(Distance(moments, moments), 1e-13 * trace);
}

// Covariances that share no direction have a product of zero.
TEST(FrechetDistanceTest, OfOrthogonalSetsIsAllTheirSpread) {
  Moments a(60);
  Moments b(60);
  ASSERT_TRUE(a.Add(Rows(9, 60, 0)).ok());
  ASSERT_TRUE(b.Add(Rows(9, 60, 20)).ok());
  double expected = 0;
  for (size_t i = 0; i < 60; ++i) {
    expected += a.Covariance()[i * 61] + b.Covariance()[i * 61];
    expected += std::pow(a.mean()[i] - b.mean()[i], 2);
  }
  EXPECT_NEAR(Distance(a, b), expected, 1e-12 * expected);
}

TEST(FrechetDistanceTest, RefusesWhatHasNoCovariance) {
  Moments one(2);
  ASSERT_TRUE(one.Add(std::vector<float>{1, 2}).ok());
  const Moments more = Given({0, 0}, {1, 0, 0, 1});
  EXPECT_THAT(std::string(FrechetDistance(one, more).status().message()),
              HasSubstr("there are 1"));
  EXPECT_FALSE(FrechetDistance(more, Given({0}, {1})).ok());
}

}  // namespace
}  // namespace cascade
