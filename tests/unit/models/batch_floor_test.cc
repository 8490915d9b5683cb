#include "models/cuda/batch_floor.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <vector>

namespace cascade {
namespace {

// Of four rows; trials of the same `kernel` have the same bits.
BucketTrial Trial(int rows, double seconds, float kernel) {
  return {rows, seconds, at::full({4, 2}, kernel)};
}

TEST(BatchFloorTest, BatchesThatAgreeNeedNone) {
  EXPECT_EQ(ChooseFloor(std::vector<BucketTrial>{Trial(1, 1, 0), Trial(2, 1, 0),
                                                 Trial(4, 1, 0)}),
            0u);
}

TEST(BatchFloorTest, RisesAboveTheSizesThatHaveKernelsOfTheirOwn) {
  EXPECT_EQ(ChooseFloor(std::vector<BucketTrial>{Trial(1, 1, 7), Trial(2, 1, 0),
                                                 Trial(4, 1, 0)}),
            1u);
  EXPECT_EQ(ChooseFloor(std::vector<BucketTrial>{Trial(1, 1, 7), Trial(2, 1, 8),
                                                 Trial(4, 1, 0)}),
            2u);
}

TEST(BatchFloorTest, StaysWhereLargeBatchesGainLittle) {
  EXPECT_EQ(ChooseFloor(std::vector<BucketTrial>{
                Trial(1, 1, 7), Trial(2, 1.9, 0), Trial(4, 3.3, 0)}),
            0u);
}

TEST(BatchFloorTest, StaysWhereASmallerBatchAgreesAndIsAsFast) {
  EXPECT_EQ(ChooseFloor(std::vector<BucketTrial>{Trial(1, 1, 7), Trial(2, 1, 7),
                                                 Trial(4, 2, 0)}),
            0u);
}

TEST(BatchFloorTest, OneSizeIsItsOwn) {
  EXPECT_EQ(ChooseFloor(std::vector<BucketTrial>{Trial(1, 1, 0)}), 0u);
}

}  // namespace
}  // namespace cascade
