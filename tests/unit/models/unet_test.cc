#include "models/nn/unet.h"

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "models/nn/input_rows.h"
#include "models/nn/resample.h"
#include "tests/unit/models/random_unet.h"

namespace cascade::nn {
namespace {

class UNetBatchTest : public testing::TestWithParam<UNetKind> {};

TEST_P(UNetBatchTest, GivesAnImageTheSameBitsInEveryBatch) {
  const at::NoGradGuard no_grad;
  at::set_num_threads(1);
  const auto unet = RandomUNet(GetParam().config, 7);
  constexpr int64_t kMaxBatch = 32;
  const UNetInput input =
      RandomInput(StageOf(GetParam().config, 8), kMaxBatch, at::kCPU);
  std::vector<at::Tensor> alone;
  for (int64_t i = 0; i < kMaxBatch; ++i) {
    alone.push_back(unet->forward(Rows(input, i, 1)));
  }
  for (int64_t batch = 2; batch <= kMaxBatch; ++batch) {
    const at::Tensor together = unet->forward(FirstRows(input, batch));
    for (int64_t i = 0; i < batch; ++i) {
      EXPECT_TRUE(together.narrow(0, i, 1).equal(alone[size_t(i)]))
          << "row " << i << " of " << batch;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, UNetBatchTest, testing::ValuesIn(UNetKinds()),
                         [](const auto& tested) { return tested.param.name; });

TEST(UNetTest, InferenceAndTrainingAgree) {
  const auto unet = RandomUNet(SuperResolutionConfig(), 7);
  const UNetInput input = RandomInput(StageOf(unet->config(), 8), 3, at::kCPU);
  const at::Tensor training = unet->forward(input);
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(unet->forward(input).allclose(training, 1e-4, 1e-5));
}

TEST(UNetTest, IsZeroWhenFresh) {
  const at::NoGradGuard no_grad;
  UNet unet(BaseConfig());
  const UNetInput input = RandomInput(StageOf(unet.config(), 8), 2, at::kCPU);
  EXPECT_EQ(unet.forward(input).abs().max().item<float>(), 0);
}

TEST(UNetTest, HearsOfItsConditions) {
  const at::NoGradGuard no_grad;
  const auto unet = RandomUNet(SuperResolutionConfig(), 7);
  const UNetInput input = RandomInput(StageOf(unet->config(), 8), 1, at::kCPU);
  const at::Tensor output = unet->forward(input);
  const auto differs = [&](UNetInput changed) {
    return !unet->forward(changed).equal(output);
  };
  UNetInput changed = input;
  changed.class_id = at::full({1}, 3, at::kLong);  // The null class.
  EXPECT_TRUE(differs(changed));
  changed = input;
  changed.timestep = input.timestep + 1;
  EXPECT_TRUE(differs(changed));
  changed = input;
  changed.augmentation = input.augmentation + 100;
  EXPECT_TRUE(differs(changed));
  changed = input;
  changed.low_res = -input.low_res;
  EXPECT_TRUE(differs(changed));
}

TEST(UNetTest, AugmentationIsSilentWhenFresh) {
  const at::NoGradGuard no_grad;
  at::manual_seed(3);
  TimestepEmbedding embedding(8, 16);
  embedding.ZeroInit();
  EXPECT_EQ(embedding.forward(at::full({2}, 300.0)).abs().max().item<float>(),
            0);
}

TEST(AttentionBlockTest, OrdersDifferByAPermutationOfChannels) {
  const at::NoGradGuard no_grad;
  constexpr int64_t kChannels = 8;
  constexpr int64_t kHeads = 2;
  constexpr int64_t kWidth = kChannels / kHeads;
  AttentionBlock legacy(kChannels, kHeads, AttentionOrder::kLegacy, 4);
  AttentionBlock modern(kChannels, kHeads, AttentionOrder::kNew, 4);
  for (at::Tensor parameter : legacy.parameters()) parameter.normal_();
  const auto theirs = legacy.named_parameters();
  for (auto& entry : modern.named_parameters()) {
    at::Tensor value = theirs[entry.key()];
    if (entry.key().starts_with("qkv")) {
      std::vector<int64_t> shape = value.sizes().vec();
      shape.erase(shape.begin());
      shape.insert(shape.begin(), {kHeads, 3, kWidth});
      value = value.reshape(shape).transpose(0, 1).reshape(value.sizes());
    }
    entry.value().copy_(value);
  }
  const at::Tensor x = at::randn({2, kChannels, 4, 4});
  EXPECT_TRUE(legacy.forward(x).allclose(modern.forward(x), 1e-5, 1e-6));
}

TEST(SinusoidalEmbeddingTest, GivesThePublishedValues) {
  const at::Tensor embedding =
      SinusoidalEmbedding(at::full({1}, 500.0, at::kFloat), 192);
  const std::vector<std::pair<int64_t, double>> published = {
      {0, -.883849273},  {1, -.294229643}, {2, -.405331397}, {95, .998485973},
      {96, -.467771805}, {97, .955734753}, {191, .055006931}};
  for (const auto& [index, value] : published) {
    EXPECT_NEAR(embedding[0][index].item<double>(), value, 5e-5) << index;
  }
}

TEST(EnlargeLowResolutionTest, KeepsPixelCentres) {
  const at::Tensor image =
      at::arange(4, at::kFloat).view({1, 1, 2, 2});  // 0 1 / 2 3
  const at::Tensor enlarged = EnlargeLowResolution(image, 4);
  EXPECT_FLOAT_EQ(enlarged[0][0][0][0].item<float>(), 0);
  EXPECT_FLOAT_EQ(enlarged[0][0][0][1].item<float>(), 0.25f);
  EXPECT_FLOAT_EQ(enlarged[0][0][3][3].item<float>(), 3);
}

}  // namespace
}  // namespace cascade::nn
