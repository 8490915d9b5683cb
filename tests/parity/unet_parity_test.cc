// The U-Nets against outputs that openai/guided-diffusion recorded.

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "models/nn/unet.h"
#include "models/weights/module_weights.h"
#include "models/weights/safetensors.h"
#include "tests/parity/recorded_network.h"

namespace cascade {
namespace {

// Of the output's standard deviation.
constexpr double kTolerance = 1e-4;

class UNetParityTest : public testing::TestWithParam<std::string> {};

TEST_P(UNetParityTest, GivesTheRecordedOutput) {
  if (!HaveRecordedNetworks()) {
    GTEST_SKIP() << "no reference tensors in " << CASCADE_REFERENCE_DIR;
  }
  const RecordedNetwork recorded = ReadRecordedNetwork(GetParam());
  nn::UNet unet(recorded.config);
  const auto weights =
      SafetensorsFile::Read(recorded.folder + "/weights.safetensors");
  ASSERT_TRUE(weights.ok()) << weights.status();
  const absl::Status loaded = LoadModuleWeights(*weights, unet);
  ASSERT_TRUE(loaded.ok()) << loaded;

  unet.eval();
  const nn::UNetInput input = RecordedInput(recorded);
  const double training_error =
      RecordedOutputError(recorded, unet.forward(input).detach());
  const at::NoGradGuard no_grad;
  const double inference_error =
      RecordedOutputError(recorded, unet.forward(input));
  std::printf("%s: max error / std: inference %.2e, training %.2e\n",
              GetParam().c_str(), inference_error, training_error);
  EXPECT_LE(inference_error, kTolerance);
  EXPECT_LE(training_error, kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Reference, UNetParityTest,
                         testing::Values("unet_new_attention",
                                         "unet_legacy_attention",
                                         "unet_conv_resample", "super_res"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace cascade
