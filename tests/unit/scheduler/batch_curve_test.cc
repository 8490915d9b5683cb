#include "server/scheduler/batch_curve.h"

#include <gtest/gtest.h>

namespace cascade {
namespace {

BatchCurve Curve(std::vector<BatchCost> costs, int max_rows = 32) {
  ExecutorLimits limits;
  limits.batch_rows = {1, max_rows};
  limits.costs = std::move(costs);
  return BatchCurve(limits);
}

TEST(BatchCurveTest, PrefersTheSmallestBatchThatIsAlmostBest) {
  // 100, 180, 320, 400, 410 rows per second.
  const BatchCurve curve = Curve(
      {{1, 0.01}, {2, 2 / 180.0}, {4, 4 / 320.0}, {8, 0.02}, {16, 16 / 410.0}});
  EXPECT_EQ(curve.preferred_rows(), 8);
  EXPECT_EQ(curve.max_rows(), 32);
}

TEST(BatchCurveTest, PrefersSingleRowsWhereBatchingGainsNothing) {
  EXPECT_EQ(Curve({{1, 0.1}, {8, 0.8}, {32, 3.2}}).preferred_rows(), 1);
}

TEST(BatchCurveTest, InterpolatesBetweenMeasuredSizes) {
  const BatchCurve curve = Curve({{1, 1.0}, {5, 2.0}, {10, 3.0}});
  EXPECT_EQ(curve.StepTime(1), absl::Seconds(1));
  EXPECT_EQ(curve.StepTime(3), absl::Seconds(1.5));
  EXPECT_EQ(curve.StepTime(10), absl::Seconds(3));
  EXPECT_EQ(curve.StepTime(20), absl::Seconds(6));
}

TEST(BatchCurveTest, EfficiencyIsOneAtTheBestBatch) {
  const BatchCurve curve = Curve({{1, 1.0}, {4, 2.0}});
  EXPECT_DOUBLE_EQ(curve.Efficiency(4), 1.0);
  EXPECT_DOUBLE_EQ(curve.Efficiency(1), 0.5);
}

TEST(BatchCurveTest, TakesFullBatchesWhereNothingWasMeasured) {
  const BatchCurve curve = Curve({});
  EXPECT_EQ(curve.preferred_rows(), 32);
  EXPECT_GT(curve.row_time(), absl::ZeroDuration());
}

TEST(BatchCurveTest, IgnoresMeasurementsThatMakeNoSense) {
  const BatchCurve curve = Curve({{0, 1.0}, {1, 1.0}, {2, 0.0}, {64, 0.1}});
  EXPECT_EQ(curve.preferred_rows(), 1);
  EXPECT_EQ(curve.row_time(), absl::Seconds(1));
}

}  // namespace
}  // namespace cascade
