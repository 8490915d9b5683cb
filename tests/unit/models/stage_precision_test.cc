#include "models/runtime/stage_precision.h"

#include <gtest/gtest.h>

#include <optional>

namespace cascade {
namespace {

constexpr PrecisionSupport kNone;
constexpr PrecisionSupport kSlowBf16 = {.has_bf16 = true};
constexpr PrecisionSupport kUnits = {.has_bf16 = true, .has_bf16_units = true};
constexpr PrecisionSupport kCard = {
    .has_bf16 = true, .has_bf16_units = true, .has_fp16 = true};

StageSpec Stage(Precision precision, std::optional<double> distance) {
  StageSpec spec;
  spec.name = "32x32";
  spec.precision = precision;
  spec.bf16_distance = distance;
  return spec;
}

TEST(ChoosePrecisionTest, AutoIsBf16WhereItIsFastAndMeasuredToBeClose) {
  const auto choose = [](std::optional<double> distance,
                         const PrecisionSupport& support) {
    return *ChoosePrecision(Stage(Precision::kAuto, distance), Precision::kAuto,
                            support);
  };
  EXPECT_EQ(choose(0.1, kUnits), Precision::kBf16);
  EXPECT_EQ(choose(kLargestBf16Distance, kUnits), Precision::kBf16);
  EXPECT_EQ(choose(kLargestBf16Distance + 0.01, kUnits), Precision::kFp32);
  EXPECT_EQ(choose(std::nullopt, kUnits), Precision::kFp32);
  EXPECT_EQ(choose(0.1, kSlowBf16), Precision::kFp32);
  EXPECT_EQ(choose(0.1, kNone), Precision::kFp32);
}

TEST(ChoosePrecisionTest, WhatIsWantedGoesBeforeThePackage) {
  const StageSpec in_bf16 = Stage(Precision::kBf16, std::nullopt);
  EXPECT_EQ(*ChoosePrecision(in_bf16, Precision::kAuto, kSlowBf16),
            Precision::kBf16);
  EXPECT_EQ(*ChoosePrecision(in_bf16, Precision::kFp32, kUnits),
            Precision::kFp32);
  EXPECT_EQ(
      *ChoosePrecision(Stage(Precision::kFp32, 0.0), Precision::kAuto, kUnits),
      Precision::kFp32);
  EXPECT_EQ(*ChoosePrecision(in_bf16, Precision::kFp16, kCard),
            Precision::kFp16);
}

TEST(ChoosePrecisionTest, WhatTheDeviceHasNotGotIsRefused) {
  const StageSpec stage = Stage(Precision::kAuto, 0.1);
  const absl::Status bf16 =
      ChoosePrecision(stage, Precision::kBf16, kNone).status();
  EXPECT_EQ(bf16.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(bf16.message(),
            "precision = bf16 of stage 32x32: the device does not compute in "
            "it");
  EXPECT_EQ(ChoosePrecision(stage, Precision::kFp16, kUnits).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      ChoosePrecision(Stage(Precision::kFp16, {}), Precision::kAuto, kUnits)
          .status()
          .code(),
      absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cascade
