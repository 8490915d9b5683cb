#include "models/evaluation/precision_recall.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cascade {
namespace {

// Points one apart on a line, from `first` on, in the second of two dimensions.
FeatureSet Line(int count, float first) {
  FeatureSet set;
  set.count = count;
  set.dimensions = 2;
  for (int i = 0; i < count; ++i) {
    set.features.push_back(-3);
    set.features.push_back(first + static_cast<float>(i));
  }
  return set;
}

FeatureSet Join(const FeatureSet& a, const FeatureSet& b) {
  FeatureSet set = a;
  set.count += b.count;
  set.features.insert(set.features.end(), b.features.begin(), b.features.end());
  return set;
}

void ExpectShares(const FeatureSet& generated, const FeatureSet& real,
                  double precision, double recall) {
  const auto shares = MeasurePrecisionRecall(generated, real);
  ASSERT_TRUE(shares.ok()) << shares.status();
  EXPECT_DOUBLE_EQ(shares->precision, precision);
  EXPECT_DOUBLE_EQ(shares->recall, recall);
}

TEST(PrecisionRecallTest, OfEqualSetsIsOne) {
  ExpectShares(Line(50, 0), Line(50, 0), 1, 1);
}

TEST(PrecisionRecallTest, OfSetsFarApartIsZero) {
  ExpectShares(Line(50, 0), Line(40, 1000), 0, 0);
}

TEST(PrecisionRecallTest, TellsWhatIsMissingFromWhatIsWrong) {
  const FeatureSet half = Line(50, 0);
  const FeatureSet whole = Join(Line(50, 0), Line(50, 1000));
  ExpectShares(half, whole, 1, 0.5);
  ExpectShares(whole, half, 0.5, 1);
}

// Within the line the third neighbour is 2 away, at its ends 3; the border
// counts. Generated 0 .. 9 reach up to 12, real 12 .. 21 down to 9.
TEST(PrecisionRecallTest, ReachesAsFarAsTheThirdNeighbour) {
  ExpectShares(Line(10, 0), Line(10, 12), 0.1, 0.1);
  ExpectShares(Line(10, 0), Line(10, 12.5), 0, 0);
}

// Copies have balls without extent, around themselves.
TEST(PrecisionRecallTest, FindsEqualVectorsWithoutRounding) {
  FeatureSet copies = Line(1, 0.1f);
  for (int i = 0; i < 3; ++i) copies = Join(copies, copies);
  ExpectShares(copies, copies, 1, 1);
  ExpectShares(Line(8, 0.1000001f), copies, 0, 1);
}

TEST(PrecisionRecallTest, NeedsMoreThanKImages) {
  EXPECT_THAT(
      std::string(
          MeasurePrecisionRecall(Line(9, 0), Line(3, 0)).status().message()),
      testing::HasSubstr("reference: 3 images, at least 4 are needed"));
}

}  // namespace
}  // namespace cascade
