#include "models/nn/unet.h"

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <memory>

#include "models/nn/resample.h"

namespace cascade::nn {
namespace {

// A base like those of small cascades.
UNetConfig BaseConfig() {
  UNetConfig config;
  config.image_channels = 1;
  config.out_channels = 1;
  config.model_channels = 24;
  config.channel_mult = {1, 2};
  config.num_res_blocks = 1;
  config.attention_downsampling = {2};
  config.num_heads = 2;
  config.norm_groups = 8;
  config.num_classes = 3;
  config.null_class = true;
  return config;
}

UNetConfig SuperResolutionConfig() {
  UNetConfig config = BaseConfig();
  config.super_resolution = true;
  config.augmentation_embedding = true;
  config.scale_shift_norm = false;
  config.resblock_updown = false;
  config.attention_order = AttentionOrder::kNew;
  return config;
}

// Random weights everywhere: the zeros of a fresh network hide errors.
std::unique_ptr<UNet> RandomUNet(const UNetConfig& config) {
  at::set_num_threads(1);
  at::manual_seed(7);
  auto unet = std::make_unique<UNet>(config);
  const at::NoGradGuard no_grad;
  for (at::Tensor parameter : unet->parameters()) {
    if (parameter.dim() > 1) parameter.normal_(0, 0.1);
  }
  unet->eval();
  return unet;
}

UNetInput RandomInput(const UNetConfig& config, int64_t batch, int64_t size) {
  at::manual_seed(11);
  UNetInput input;
  input.x = at::randn({batch, config.image_channels, size, size});
  input.timestep = at::arange(batch, at::kFloat) * 31 + 5;
  input.class_id = at::arange(batch, at::kLong).remainder(4);
  if (config.super_resolution) input.low_res = at::randn_like(input.x);
  if (config.augmentation_embedding) {
    input.augmentation = at::arange(batch, at::kFloat) * 17;
  }
  return input;
}

UNetInput Rows(const UNetInput& input, int64_t begin, int64_t count) {
  const auto rows = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.narrow(0, begin, count) : tensor;
  };
  return {rows(input.x), rows(input.timestep), rows(input.class_id),
          rows(input.low_res), rows(input.augmentation)};
}

class UNetBatchTest : public testing::TestWithParam<UNetConfig> {};

TEST_P(UNetBatchTest, GivesAnImageTheSameBitsInEveryBatch) {
  const at::NoGradGuard no_grad;
  const auto unet = RandomUNet(GetParam());
  constexpr int64_t kMaxBatch = 32;
  const UNetInput input = RandomInput(GetParam(), kMaxBatch, 8);
  std::vector<at::Tensor> alone;
  for (int64_t i = 0; i < kMaxBatch; ++i) {
    alone.push_back(unet->forward(Rows(input, i, 1)));
  }
  for (int64_t batch = 2; batch <= kMaxBatch; ++batch) {
    const at::Tensor together = unet->forward(Rows(input, 0, batch));
    for (int64_t i = 0; i < batch; ++i) {
      EXPECT_TRUE(together.narrow(0, i, 1).equal(alone[size_t(i)]))
          << "row " << i << " of " << batch;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, UNetBatchTest,
                         testing::Values(BaseConfig(),
                                         SuperResolutionConfig()));

TEST(UNetTest, InferenceAndTrainingAgree) {
  const auto unet = RandomUNet(SuperResolutionConfig());
  const UNetInput input = RandomInput(unet->config(), 3, 8);
  const at::Tensor training = unet->forward(input);
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(unet->forward(input).allclose(training, 1e-4, 1e-5));
}

TEST(UNetTest, IsZeroWhenFresh) {
  const at::NoGradGuard no_grad;
  UNet unet(BaseConfig());
  EXPECT_EQ(
      unet.forward(RandomInput(unet.config(), 2, 8)).abs().max().item<float>(),
      0);
}

TEST(UNetTest, HearsOfItsConditions) {
  const at::NoGradGuard no_grad;
  const auto unet = RandomUNet(SuperResolutionConfig());
  const UNetInput input = RandomInput(unet->config(), 1, 8);
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
