// The plan for a card, on the host: ATen's operators there, and our kernels'
// threads one after another.

#include "models/cuda/card_plan.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <memory>

#include "models/nn/input_rows.h"
#include "models/nn/unet.h"
#include "tests/unit/models/random_unet.h"

namespace cascade {
namespace {

constexpr int kSize = 16;

class CardPlanTest : public testing::TestWithParam<UNetKind> {
 protected:
  CardPlanTest() : unet_(RandomUNet(GetParam().config, 7)) {
    at::set_num_threads(1);
  }

  nn::UNetInput Input(int64_t batch) const {
    return nn::RandomInput(StageOf(GetParam().config, kSize), batch, at::kCPU);
  }

  CardMath Math(at::ScalarType dtype) const {
    return {.functions = &HostFunctions(), .device = at::kCPU, .dtype = dtype};
  }

  double Error(at::ScalarType dtype) {
    const nn::UNetInput input = Input(3);
    const CardPlan plan(*unet_, Math(dtype));
    const at::Tensor expected = unet_->forward(input);
    return ((plan.Run(input) - expected).abs().max() / expected.std())
        .item<double>();
  }

  const at::NoGradGuard no_grad_;
  const std::shared_ptr<nn::UNet> unet_;
};

TEST_P(CardPlanTest, GivesTheModulesOutput) {
  EXPECT_LT(Error(at::kFloat), 4e-5);
}

TEST_P(CardPlanTest, IsCloseInHalfPrecision) {
  EXPECT_LT(Error(at::kBFloat16), 0.12);
  EXPECT_LT(Error(at::kHalf), 0.02);
}

// A skip connection that a later block changed would show here.
TEST_P(CardPlanTest, GivesTheSameTwice) {
  const nn::UNetInput input = Input(2);
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

INSTANTIATE_TEST_SUITE_P(Kinds, CardPlanTest, testing::ValuesIn(UNetKinds()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace cascade
