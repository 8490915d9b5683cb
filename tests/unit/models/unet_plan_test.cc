#include "models/plan/unet_plan.h"

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

nn::UNetInput Row(const nn::UNetInput& input, int64_t row) {
  const auto only = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.narrow(0, row, 1) : tensor;
  };
  return {only(input.x), only(input.timestep), only(input.class_id),
          only(input.low_res), only(input.augmentation)};
}

class UNetPlanTest : public testing::TestWithParam<Kind> {
 protected:
  UNetPlanTest() : unet_(RandomUNet(GetParam().config)) {}

  double Error(at::ScalarType dtype) {
    const nn::UNetInput input = RandomInput(GetParam().config, 5);
    const UNetPlan plan(*unet_, {.dtype = dtype, .size = kSize});
    const at::Tensor expected = unet_->forward(input);
    return ((plan.Run(input) - expected).abs().max() / expected.std())
        .item<double>();
  }

  const at::NoGradGuard no_grad_;
  const std::unique_ptr<nn::UNet> unet_;
};

TEST_P(UNetPlanTest, GivesTheModulesOutput) {
  EXPECT_LT(Error(at::kFloat), 1e-4);
}

TEST_P(UNetPlanTest, IsCloseInBfloats) {
  EXPECT_LT(Error(at::kBFloat16), 0.25);
}

// A skip connection that a later block changed would show here.
TEST_P(UNetPlanTest, GivesTheSameTwice) {
  const nn::UNetInput input = RandomInput(GetParam().config, 2);
  const UNetPlan plan(*unet_, {.size = kSize});
  EXPECT_TRUE(plan.Run(input).equal(plan.Run(input)));
}

TEST_P(UNetPlanTest, GivesAnImageTheSameBitsInEveryBatch) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const UNetPlan plan(*unet_, {.dtype = dtype, .size = kSize});
    for (const int64_t batch : {2, 4, 8, 16, 32}) {
      const nn::UNetInput input = RandomInput(GetParam().config, batch);
      const at::Tensor together = plan.Run(input);
      for (const int64_t row : {int64_t{0}, batch / 2, batch - 1}) {
        EXPECT_TRUE(together.narrow(0, row, 1).equal(plan.Run(Row(input, row))))
            << "row " << row << " of " << batch << " in " << dtype;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, UNetPlanTest, testing::ValuesIn(Kinds()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace cascade
