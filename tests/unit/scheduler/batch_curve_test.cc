#include "server/scheduler/batch_curve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <utility>

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
  EXPECT_EQ(curve.StepTime(64), 2 * curve.StepTime(32));
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

constexpr int kMaxRows = 32;

// 250, 435, 667, 889, 1143 rows per second.
const std::vector<BatchCost> kSeeds = {
    {1, .004}, {2, .0046}, {4, .006}, {8, .009}, {32, .028}};

// Steps that take what `seconds` says for their rows, with log-normal noise.
class Device {
 public:
  explicit Device(std::function<double(int)> seconds, double noise = 0.1)
      : seconds_(std::move(seconds)), noise_(0, noise) {}

  void Step(int rows, BatchCurve& curve) {
    curve.Observe(rows,
                  absl::Seconds(seconds_(rows) * std::exp(noise_(random_))));
  }
  void StepOfAnySize(BatchCurve& curve) {
    Step(1 + static_cast<int>(random_() % kMaxRows), curve);
  }

 private:
  std::mt19937 random_{5};
  std::function<double(int)> seconds_;
  std::normal_distribution<double> noise_;
};

void ExpectStepTimes(const BatchCurve& curve,
                     const std::function<double(int)>& seconds, double within) {
  for (int rows = 1; rows <= kMaxRows; ++rows) {
    EXPECT_NEAR(absl::ToDoubleSeconds(curve.StepTime(rows)) / seconds(rows), 1,
                within)
        << rows << " rows";
  }
}

TEST(BatchCurveTest, LearnsAnyCurveOfWhichAllSizesAreSeen) {
  // Nothing like the seeds: a step function, as of padded batches, and a line.
  const auto padded = [](int rows) { return rows <= 4 ? .002 : .016; };
  const auto line = [](int rows) { return .001 * rows; };
  for (const std::function<double(int)>& truth :
       {std::function<double(int)>(padded), std::function<double(int)>(line)}) {
    BatchCurve curve = Curve(kSeeds);
    Device exact(truth, /*noise=*/0);
    for (int i = 0; i < 5000; ++i) exact.StepOfAnySize(curve);
    ExpectStepTimes(curve, truth, 0.01);
    Device noisy(truth);
    for (int i = 0; i < 5000; ++i) noisy.StepOfAnySize(curve);
    ExpectStepTimes(curve, truth, 0.15);
  }
}

TEST(BatchCurveTest, LearnsTheScaleOfAStageThatWasNotMeasuredFromOneStep) {
  BatchCurve curve = Curve({});
  curve.Observe(8, absl::Seconds(3));
  ExpectStepTimes(
      curve, [](int) { return 3; }, 1e-6);
  EXPECT_EQ(curve.preferred_rows(), kMaxRows);
}

TEST(BatchCurveTest, LearnsWhatToPreferWhereNothingWasMeasured) {
  const auto no_gain = [](int rows) { return .1 * rows; };
  BatchCurve curve = Curve({});
  Device device(no_gain, /*noise=*/0.03);
  for (int i = 0; i < 5000; ++i) device.StepOfAnySize(curve);
  EXPECT_LT(curve.preferred_rows(), 4);
  EXPECT_NEAR(absl::ToDoubleSeconds(curve.row_time()), .1, .01);
}

TEST(BatchCurveTest, ADriftOfTheDeviceReachesSizesThatSeldomRun) {
  for (const double slower : {0.4, 3.0}) {
    BatchCurve curve = Curve(kSeeds);
    const BatchCurve before = curve;
    const auto seconds = [&](int rows) {
      return absl::ToDoubleSeconds(before.StepTime(rows));
    };
    const auto drifted = [&](int rows) { return slower * seconds(rows); };
    Device steady(seconds);
    for (int i = 0; i < 1000; ++i) {
      i % 20 == 0 ? steady.StepOfAnySize(curve) : steady.Step(16, curve);
    }
    Device device(drifted);
    for (int i = 0; i < 300; ++i) {
      i % 20 == 0 ? device.StepOfAnySize(curve) : device.Step(16, curve);
    }
    ExpectStepTimes(curve, drifted, 0.35);
    EXPECT_NEAR(absl::FDivDuration(curve.StepTime(16), before.StepTime(16)),
                slower, 0.15 * slower);
  }
}

TEST(BatchCurveTest, ASizeThatHasJustRunTakesLittleFromFarNeighbours) {
  BatchCurve curve = Curve(kSeeds);
  const BatchCurve before = curve;
  // Only batches of 32 are slower than measured; all sizes run.
  for (int i = 0; i < 2000; ++i) {
    const int rows = (i % 2) == 0 ? 32 : 1 + i % 16;
    const double slower = rows == 32 ? 2 : 1;
    curve.Observe(rows, slower * before.StepTime(rows));
  }
  for (int rows = 1; rows <= 16; ++rows) {
    EXPECT_NEAR(absl::FDivDuration(curve.StepTime(rows), before.StepTime(rows)),
                1, 0.1)
        << rows << " rows";
  }
  EXPECT_NEAR(absl::FDivDuration(curve.StepTime(32), before.StepTime(32)), 2,
              0.1);
}

TEST(BatchCurveTest, OneOutlierMovesNothingByMuch) {
  for (const double outlier : {0.01, 100.0}) {
    for (const int rows : {1, 5, kMaxRows}) {
      BatchCurve curve = Curve(kSeeds);
      const BatchCurve before = curve;
      curve.Observe(rows, outlier * before.StepTime(rows));
      ExpectStepTimes(
          curve,
          [&](int r) { return absl::ToDoubleSeconds(before.StepTime(r)); },
          0.1);
      EXPECT_NE(curve.StepTime(rows), before.StepTime(rows));
    }
  }
}

TEST(BatchCurveTest, IgnoresTimesThatNoStepCanTake) {
  BatchCurve curve = Curve(kSeeds);
  curve.Observe(4, absl::ZeroDuration());
  curve.Observe(4, -absl::Seconds(1));
  curve.Observe(4, absl::InfiniteDuration());
  curve.Observe(0, absl::Seconds(1));
  curve.Observe(kMaxRows + 1, absl::Seconds(1));
  EXPECT_EQ(curve.StepTime(4), absl::Seconds(.006));
}

TEST(BatchCurveTest, NoNoiseMakesABiggerBatchFaster) {
  BatchCurve curve = Curve(kSeeds);
  Device device([](int) { return .01; }, /*noise=*/0.8);
  for (int i = 0; i < 2000; ++i) {
    device.StepOfAnySize(curve);
    for (int rows = 2; rows <= kMaxRows; ++rows) {
      ASSERT_GE(curve.StepTime(rows), curve.StepTime(rows - 1));
    }
    ASSERT_GT(curve.StepTime(1), absl::ZeroDuration());
    ASSERT_LE(curve.Efficiency(kMaxRows), 1);
  }
}

// Batches of 8 have 95.2 % of the best rate, right at the limit.
TEST(BatchCurveTest, NoiseDoesNotMakeThePreferenceFlap) {
  BatchCurve curve = Curve({{1, .004}, {8, .0105}, {32, .04}});
  const BatchCurve before = curve;
  EXPECT_EQ(curve.preferred_rows(), 8);
  Device device(
      [&](int rows) { return absl::ToDoubleSeconds(before.StepTime(rows)); },
      /*noise=*/0.05);
  int changes = 0;
  for (int i = 0; i < 20000; ++i) {
    const int preferred = curve.preferred_rows();
    device.StepOfAnySize(curve);
    if (curve.preferred_rows() != preferred) ++changes;
  }
  EXPECT_LE(changes, 5);
}

TEST(BatchCurveTest, ThePreferenceFollowsTheRates) {
  BatchCurve curve = Curve(kSeeds);
  EXPECT_EQ(curve.preferred_rows(), 32);
  Device no_gain([](int rows) { return .01 * rows; }, /*noise=*/0);
  for (int i = 0; i < 5000; ++i) no_gain.StepOfAnySize(curve);
  EXPECT_EQ(curve.preferred_rows(), 1);
  Device all_gain([](int) { return .01; }, /*noise=*/0);
  for (int i = 0; i < 5000; ++i) all_gain.StepOfAnySize(curve);
  EXPECT_EQ(curve.preferred_rows(), 32);
}

}  // namespace
}  // namespace cascade
