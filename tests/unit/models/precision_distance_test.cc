#include "models/evaluation/precision_distance.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "models/runtime/stage_precision.h"
#include "tests/unit/models/tiny_cascade.h"

namespace cascade {
namespace {

class PrecisionDistanceTest : public testing::Test {
 protected:
  std::unique_ptr<CascadeModel> Load(Precision precision) const {
    LoadOptions options;
    options.max_batch_rows = 4;
    options.precision = precision;
    return LoadCascade(folder_, options).value();
  }

  const std::string folder_ =
      WritePackage("precision", {TinyBase(), TinySuperResolution()});
};

TEST_F(PrecisionDistanceTest, IsNoneFromTheSame) {
  const auto fp32 = Load(Precision::kFp32);
  const auto distances =
      MeasurePrecisionDistances(*fp32, *Load(Precision::kFp32), 5, 3).value();
  ASSERT_EQ(distances.size(), 2u);
  for (const PrecisionDistance& distance : distances) {
    EXPECT_EQ(distance.root_mean_square, 0);
    EXPECT_EQ(distance.largest, 0);
  }
}

TEST_F(PrecisionDistanceTest, IsThatOfTheRounding) {
  if (!CpuPrecisionSupport().has_bf16) {
    GTEST_SKIP() << "this processor does not compute in bf16";
  }
  const auto fp32 = Load(Precision::kFp32);
  const auto bf16 = Load(Precision::kBf16);
  EXPECT_EQ(fp32->MakeExecutor(0, "cpu").value()->limits().precision,
            Precision::kFp32);
  EXPECT_EQ(bf16->MakeExecutor(0, "cpu").value()->limits().precision,
            Precision::kBf16);
  const auto distances = MeasurePrecisionDistances(*fp32, *bf16, 5, 3).value();
  for (const PrecisionDistance& distance : distances) {
    EXPECT_GT(distance.root_mean_square, 0);
    EXPECT_LT(distance.root_mean_square, 10);
    EXPECT_GE(distance.largest, distance.root_mean_square);
  }
}

}  // namespace
}  // namespace cascade
