#include "models/plan/unet_plan.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <memory>

#include "models/nn/input_rows.h"
#include "models/nn/unet.h"
#include "tests/unit/models/random_unet.h"

namespace cascade {
namespace {

constexpr int kSize = 16;

class UNetPlanTest : public testing::TestWithParam<UNetKind> {
 protected:
  UNetPlanTest() : unet_(RandomUNet(GetParam().config, 7)) {
    at::set_num_threads(1);
  }

  nn::UNetInput Input(int64_t batch) const {
    return nn::RandomInput(StageOf(GetParam().config, kSize), batch, at::kCPU);
  }

  double Error(at::ScalarType dtype) {
    const nn::UNetInput input = Input(5);
    const UNetPlan plan(*unet_, {.dtype = dtype, .size = kSize});
    const at::Tensor expected = unet_->forward(input);
    return ((plan.Run(input) - expected).abs().max() / expected.std())
        .item<double>();
  }

  const at::NoGradGuard no_grad_;
  const std::shared_ptr<nn::UNet> unet_;
};

TEST_P(UNetPlanTest, GivesTheModulesOutput) {
  EXPECT_LT(Error(at::kFloat), 4e-5);
}

TEST_P(UNetPlanTest, IsCloseInBfloats) {
  EXPECT_LT(Error(at::kBFloat16), 0.12);
}

// A skip connection that a later block changed would show here.
TEST_P(UNetPlanTest, GivesTheSameTwice) {
  const nn::UNetInput input = Input(2);
  const UNetPlan plan(*unet_, {.size = kSize});
  EXPECT_TRUE(plan.Run(input).equal(plan.Run(input)));
}

TEST_P(UNetPlanTest, GivesAnImageTheSameBitsInEveryBatch) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const UNetPlan plan(*unet_, {.dtype = dtype, .size = kSize});
    for (const int64_t batch : {2, 4, 8, 16, 32}) {
      const nn::UNetInput input = Input(batch);
      const at::Tensor together = plan.Run(input);
      for (const int64_t row : {int64_t{0}, batch / 2, batch - 1}) {
        EXPECT_TRUE(
            together.narrow(0, row, 1).equal(plan.Run(nn::Rows(input, row, 1))))
            << "row " << row << " of " << batch << " in " << dtype;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, UNetPlanTest, testing::ValuesIn(UNetKinds()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace cascade
