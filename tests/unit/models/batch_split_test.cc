#include "models/runtime/batch_split.h"

#include <gtest/gtest.h>

namespace cascade {
namespace {

ExecutorLimits Limits(std::vector<int> rows, std::vector<BatchCost> costs) {
  ExecutorLimits limits;
  limits.batch_rows = std::move(rows);
  limits.costs = std::move(costs);
  return limits;
}

TEST(BatchSplitTest, AllowedSizesAreTakenAsTheyAre) {
  const BatchSplit split(Limits({1, 2, 3, 8}, {{1, 1}, {2, 9}, {8, 1}}));
  for (int rows : {1, 2, 3, 8}) EXPECT_EQ(split.NextBatch(rows), rows);
}

TEST(BatchSplitTest, SplitsWhereBatchingGainsNothing) {
  const BatchSplit split(Limits({1, 4, 8}, {{1, 1}, {4, 4}, {8, 8}}));
  EXPECT_EQ(split.NextBatch(5), 4);
  EXPECT_EQ(split.NextBatch(3), 1);
}

TEST(BatchSplitTest, FillsUpWhereARowCostsLittle) {
  const BatchSplit split(Limits({1, 4, 8}, {{1, 1}, {4, 1.1}, {8, 1.2}}));
  EXPECT_EQ(split.NextBatch(5), 8);
  EXPECT_EQ(split.NextBatch(2), 4);
}

TEST(BatchSplitTest, SparesNoRowWhereItSplits) {
  const BatchSplit split(Limits({1, 4, 8}, {{1, 1}, {4, 4}, {8, 8}}));
  for (int rows = 0; rows <= 8; ++rows) EXPECT_EQ(split.SpareRows(rows), 0);
}

TEST(BatchSplitTest, CountsTheRowsThatFillUp) {
  const BatchSplit split(Limits({1, 4, 8}, {{1, 1}, {4, 1.1}, {8, 1.2}}));
  EXPECT_EQ(split.SpareRows(5), 3);
  EXPECT_EQ(split.SpareRows(2), 2);
  EXPECT_EQ(split.SpareRows(8), 0);
}

TEST(BatchSplitTest, CostsBetweenMeasuredSizesAreInterpolated) {
  // 6 costs 3: as much as 4 and 1, but it is one batch.
  const BatchSplit split(Limits({1, 4, 6, 8}, {{1, 1}, {4, 2}, {8, 4}}));
  EXPECT_EQ(split.NextBatch(5), 6);
  EXPECT_EQ(split.NextBatch(7), 8);
}

TEST(BatchSplitTest, WithoutMeasurementsCostsFollowTheRows) {
  const BatchSplit split(Limits({1, 2, 5}, {}));
  EXPECT_EQ(split.NextBatch(4), 2);
  EXPECT_EQ(split.NextBatch(3), 2);
}

}  // namespace
}  // namespace cascade
