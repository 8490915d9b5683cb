// The plan for a card, on the host: ATen's operators there, and our kernels'
// threads one after another.

#include "models/cuda/card_plan.h"

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "models/nn/unet.h"

namespace cascade {
namespace {

constexpr int64_t kSize = 16;

struct Kind {
  std::string name;
  UNetConfig config;
};

UNetConfig BaseConfig() {
  UNetConfig config;
  config.model_channels = 32;
  config.channel_mult = {1, 2};
  config.num_res_blocks = 1;
  config.attention_downsampling = {2};
  config.num_head_channels = 16;
  config.norm_groups = 8;
  config.num_classes = 3;
  config.null_class = true;
  return config;
}

// Every way that blocks differ in.
std::vector<Kind> Kinds() {
  Kind base{"Base", BaseConfig()};
  Kind super{"SuperResolution", BaseConfig()};
  super.config.super_resolution = true;
  super.config.augmentation_embedding = true;
  super.config.attention_order = AttentionOrder::kNew;
  super.config.attention_downsampling = {1, 2};
  Kind added{"EmbeddingAdded", BaseConfig()};
  added.config.scale_shift_norm = false;
  Kind convolved{"ConvResample", BaseConfig()};
  convolved.config.resblock_updown = false;
  Kind pooled{"Pooled", BaseConfig()};
  pooled.config.resblock_updown = false;
  pooled.config.conv_resample = false;
  pooled.config.channel_mult = {1, 1, 2};
  pooled.config.num_res_blocks = 2;
  pooled.config.num_classes = 0;
  return {base, super, added, convolved, pooled};
}

// Random weights everywhere: the zeros of a fresh network hide errors.
std::unique_ptr<nn::UNet> RandomUNet(const UNetConfig& config) {
  at::set_num_threads(1);
  at::manual_seed(7);
  auto unet = std::make_unique<nn::UNet>(config);
  const at::NoGradGuard no_grad;
  for (at::Tensor parameter : unet->parameters()) {
    if (parameter.dim() > 1) parameter.normal_(0, 0.1);
  }
  unet->eval();
  return unet;
}

nn::UNetInput RandomInput(const UNetConfig& config, int64_t batch) {
  at::manual_seed(11);
  nn::UNetInput input;
  input.x = at::randn({batch, config.image_channels, kSize, kSize});
  input.timestep = at::arange(batch, at::kFloat) * 31 + 5;
  input.class_id = at::arange(batch, at::kLong).remainder(4);
  if (config.super_resolution) input.low_res = at::randn_like(input.x);
  if (config.augmentation_embedding) {
    input.augmentation = at::arange(batch, at::kFloat) * 17;
  }
  return input;
}

class CardPlanTest : public testing::TestWithParam<Kind> {
 protected:
  CardPlanTest() : unet_(RandomUNet(GetParam().config)) {}

  CardMath Math(at::ScalarType dtype) const {
    return {.functions = &HostFunctions(), .device = at::kCPU, .dtype = dtype};
  }

  double Error(at::ScalarType dtype) {
    const nn::UNetInput input = RandomInput(GetParam().config, 3);
    const CardPlan plan(*unet_, Math(dtype));
    const at::Tensor expected = unet_->forward(input);
    return ((plan.Run(input) - expected).abs().max() / expected.std())
        .item<double>();
  }

  const at::NoGradGuard no_grad_;
  const std::unique_ptr<nn::UNet> unet_;
};

TEST_P(CardPlanTest, GivesTheModulesOutput) {
  EXPECT_LT(Error(at::kFloat), 1e-4);
}

TEST_P(CardPlanTest, IsCloseInHalfPrecision) {
  EXPECT_LT(Error(at::kBFloat16), 0.25);
  EXPECT_LT(Error(at::kHalf), 0.03);
}

// A skip connection that a later block changed would show here.
TEST_P(CardPlanTest, GivesTheSameTwice) {
  const nn::UNetInput input = RandomInput(GetParam().config, 2);
  const CardPlan plan(*unet_, Math(at::kFloat));
  EXPECT_TRUE(plan.Run(input).equal(plan.Run(input)));
}

// A block with a skip convolution has one bias less.
TEST_P(CardPlanTest, CountsTheBytesOfItsWeights) {
  int64_t parameters = 0;
  for (const auto& parameter : unet_->named_parameters()) {
    parameters += parameter.value().numel();
    if (parameter.key().ends_with("skip_connection.bias")) {
      parameters -= parameter.value().numel();
    }
  }
  EXPECT_EQ(CardPlan(*unet_, Math(at::kFloat)).weight_bytes(), 4 * parameters);
  EXPECT_LT(CardPlan(*unet_, Math(at::kBFloat16)).weight_bytes(),
            3 * parameters);
}

INSTANTIATE_TEST_SUITE_P(Kinds, CardPlanTest, testing::ValuesIn(Kinds()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace cascade
