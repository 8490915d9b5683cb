// A stage on a card beside the trained modules on the CPU. Prints how far apart
// they are.

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "models/nn/input_rows.h"
#include "tests/gpu/card.h"
#include "tests/gpu/card_stage.h"
#include "tests/unit/models/driven_executor.h"
#include "tests/unit/models/random_unet.h"

namespace cascade {
namespace {

struct Precision {
  std::string name;
  at::ScalarType dtype;
  double most;  // The largest difference, in standard deviations.
};

class GpuParityTest : public CardTest,
                      public testing::WithParamInterface<Precision> {
 protected:
  void CompareNetworks(const CardStage& stage) const {
    const c10::InferenceMode inference;
    constexpr int kRows = 5;
    const auto unet = RandomUNet(stage.network, 7);
    const auto network = OnCard(stage, *unet, Card(0), GetParam().dtype,
                                Reproducibility::kFast, 8);
    const at::Tensor expected =
        unet->forward(nn::RandomInput(stage.spec, kRows, at::kCPU));
    const at::Tensor made =
        network->Run(nn::RandomInput(stage.spec, kRows, Card(0))).cpu();
    const double difference =
        ((made - expected).abs().max() / expected.std()).item<double>();
    std::printf("%s %s: %.3g standard deviations at most\n",
                stage.spec.name.c_str(), GetParam().name.c_str(), difference);
    EXPECT_LT(difference, GetParam().most);
  }
};

TEST_P(GpuParityTest, TheBaseIsTheModules) { CompareNetworks(SmallBase()); }

TEST_P(GpuParityTest, SuperResolutionIsTheModules) {
  CompareNetworks(SmallSuperResolution());
}

INSTANTIATE_TEST_SUITE_P(Precisions, GpuParityTest,
                         testing::Values(Precision{"fp32", at::kFloat, 1e-3},
                                         Precision{"fp16", at::kHalf, 0.05},
                                         Precision{"bf16", at::kBFloat16, 0.4}),
                         [](const auto& tested) { return tested.param.name; });

class GpuImageParityTest : public CardTest {};

// Whole images in floats: tables, noise, guidance, thresholds and augmentation.
TEST_F(GpuImageParityTest, ImagesAreTheCpus) {
  for (const CardStage& stage : {SmallBase(), SmallSuperResolution()}) {
    const std::shared_ptr<nn::UNet> unet = RandomUNet(stage.network, 7);
    const std::vector<ImagePlan> plans = MixedPlans(stage.spec, 5);
    const auto cpu = MakeExecutor(stage.spec, ServeModules(unet, at::kCPU),
                                  Limits({1, 2}, 4));
    const auto card = MakeExecutor(
        stage.spec,
        OnCard(stage, *unet, Card(0), at::kFloat, Reproducibility::kFast, 2),
        Limits({1, 2}, 4));
    const auto expected = Alone(*cpu, plans);
    const auto made = Alone(*card, plans);
    for (size_t i = 0; i < plans.size(); ++i) {
      double most = 0;
      for (size_t k = 0; k < expected[i].size(); ++k) {
        most = std::max(
            most, static_cast<double>(std::abs(made[i][k] - expected[i][k])));
      }
      std::printf("%s image %zu: %.3g at most\n", stage.spec.name.c_str(), i,
                  most);
      EXPECT_LT(most, 0.02) << i;
    }
  }
}

}  // namespace
}  // namespace cascade
