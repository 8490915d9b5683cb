// The inference plan against outputs that openai/guided-diffusion recorded.

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "models/nn/unet.h"
#include "models/plan/unet_plan.h"
#include "models/weights/module_weights.h"
#include "models/weights/safetensors.h"
#include "tests/parity/recorded_network.h"

namespace cascade {
namespace {

// Of the output's standard deviation. A bfloat16 has 8 bits.
constexpr double kFloatTolerance = 1e-4;
constexpr double kBfloatTolerance = 0.2;

class PlanParityTest : public testing::TestWithParam<std::string> {};

TEST_P(PlanParityTest, GivesTheRecordedOutput) {
  if (!HaveRecordedNetworks()) {
    GTEST_SKIP() << "no reference tensors in " << CASCADE_REFERENCE_DIR;
  }
  const at::NoGradGuard no_grad;
  const RecordedNetwork recorded = ReadRecordedNetwork(GetParam());
  nn::UNet unet(recorded.config);
  const auto weights =
      SafetensorsFile::Read(recorded.folder + "/weights.safetensors");
  ASSERT_TRUE(weights.ok()) << weights.status();
  const absl::Status loaded = LoadModuleWeights(*weights, unet);
  ASSERT_TRUE(loaded.ok()) << loaded;

  const nn::UNetInput input = RecordedInput(recorded);
  const auto error = [&](at::ScalarType dtype) {
    const UNetPlan plan(unet, {.dtype = dtype, .size = input.x.size(2)});
    return RecordedOutputError(recorded, plan.Run(input));
  };
  const double float_error = error(at::kFloat);
  const double bfloat_error = error(at::kBFloat16);
  std::printf("%s: max error / std: float %.2e, bfloat16 %.2e\n",
              GetParam().c_str(), float_error, bfloat_error);
  EXPECT_LE(float_error, kFloatTolerance);
  EXPECT_LE(bfloat_error, kBfloatTolerance);
}

INSTANTIATE_TEST_SUITE_P(Reference, PlanParityTest,
                         testing::Values("unet_new_attention",
                                         "unet_legacy_attention",
                                         "unet_conv_resample", "super_res"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace cascade
