#include "models/plan/fused_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace cascade {
namespace {

constexpr int64_t kImages = 3;
constexpr int64_t kPixels = 77;  // Not a multiple of anything.

// Images, parameters, and what ATen makes of them in double precision.
struct Example {
  Example(int64_t first, int64_t second, int64_t groups,
          std::optional<InstructionSet> loops)
      : instructions(loops) {
    at::manual_seed(5);
    const int64_t channels = first + second;
    a = at::randn({kImages, kPixels, first}) * 3 + 1;
    b = at::randn({kImages, kPixels, second});
    weight = at::randn({channels});
    bias = at::randn({channels});
    extras = at::randn({3, kImages, channels});
    parameters.groups = groups;
    parameters.weight = weight.data_ptr<float>();
    parameters.bias = bias.data_ptr<float>();
    parameters.stride = channels;
  }

  template <typename T>
  NormInput<T> Input() const {
    return {.first = static_cast<const T*>(a.data_ptr()),
            .second = static_cast<const T*>(b.data_ptr()),
            .images = kImages,
            .pixels = kPixels,
            .first_channels = a.size(2),
            .second_channels = b.size(2)};
  }
  const float* Extra(int64_t index) const {
    return extras[index].data_ptr<float>();
  }

  // [images, pixels, channels]
  at::Tensor Expected() const {
    at::Tensor x = at::cat({a, b}, 2).to(at::kDouble).transpose(1, 2);
    const at::Tensor e = extras.to(at::kDouble).unsqueeze(-1);
    if (parameters.add != nullptr) x = x + e[0];
    at::Tensor y = at::group_norm(x, parameters.groups, weight.to(at::kDouble),
                                  bias.to(at::kDouble), 1e-5);
    if (parameters.scale != nullptr) y = y * (e[1] + 1);
    if (parameters.shift != nullptr) y = y + e[2];
    if (parameters.silu) y = at::silu(y);
    return y.transpose(1, 2);
  }

  // How far the kernel is from that, at most, relative to 1 + |expected|.
  template <typename T, typename Out>
  double Error(at::ScalarType out_type) const {
    const at::Tensor out =
        at::empty({kImages, kPixels, a.size(2) + b.size(2)}, out_type);
    FusedNorm(Input<T>(), parameters, instructions, 0, kImages,
              static_cast<Out*>(out.data_ptr()));
    const at::Tensor expected = Expected();
    return ((out.to(at::kDouble) - expected).abs() / (1 + expected.abs()))
        .max()
        .item<double>();
  }

  const std::optional<InstructionSet> instructions;
  at::Tensor a, b, weight, bias, extras;
  NormParameters parameters;
};

// With each instruction set, and with none.
class FusedNormTest
    : public testing::TestWithParam<std::optional<InstructionSet>> {
 protected:
  void SetUp() override {
    if (BestInstructionSet() < GetParam()) {
      GTEST_SKIP() << "this processor does not have the instructions";
    }
  }
};

TEST_P(FusedNormTest, NormalisesAndIsSilu) {
  for (const int64_t channels : {8, 24, 64, 96, 200}) {
    const Example example(channels, 0, 8, GetParam());
    EXPECT_LT((example.Error<float, float>(at::kFloat)), 2e-6) << channels;
  }
}

TEST_P(FusedNormTest, GroupsMayReachOverTwoPieces) {
  const Example example(40, 24, 4, GetParam());
  EXPECT_LT((example.Error<float, float>(at::kFloat)), 2e-6);
}

TEST_P(FusedNormTest, AddsBeforeAndScalesAndShiftsAfter) {
  Example example(64, 0, 16, GetParam());
  example.parameters.scale = example.Extra(1);
  example.parameters.shift = example.Extra(2);
  EXPECT_LT((example.Error<float, float>(at::kFloat)), 4e-6);
  example.parameters.add = example.Extra(0);
  EXPECT_LT((example.Error<float, float>(at::kFloat)), 4e-6);
  example.parameters.silu = false;
  EXPECT_LT((example.Error<float, float>(at::kFloat)), 4e-6);
}

TEST_P(FusedNormTest, BfloatsAreRoundedOnce) {
  Example example(40, 24, 4, GetParam());
  example.a = example.a.to(at::kBFloat16);
  example.b = example.b.to(at::kBFloat16);
  EXPECT_LT((example.Error<Bf16, float>(at::kFloat)), 2e-6);
  // Half a unit in the last of 8 bits.
  EXPECT_LT((example.Error<Bf16, Bf16>(at::kBFloat16)), 1.0 / 256);
}

TEST_P(FusedNormTest, MeansBeyondTheSpreadCostLittle) {
  Example example(64, 0, 8, GetParam());
  example.a = example.a + 100;  // Thirty times the deviation.
  EXPECT_LT((example.Error<float, float>(at::kFloat)), 2e-4);
}

TEST_P(FusedNormTest, SiluHasNoEdges) {
  Example example(8, 0, 8, GetParam());
  example.bias.copy_(at::randn({8}).sign() * 200);
  EXPECT_LT((example.Error<float, float>(at::kFloat)), 2e-6);
}

// What the server tells from images that are finite.
TEST_P(FusedNormTest, NaNsStay) {
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()}) {
    Example example(16, 0, 4, GetParam());
    example.a[1][3][5] = odd;
    const at::Tensor out = at::empty({kImages, kPixels, 16});
    FusedNorm(example.Input<float>(), example.parameters, GetParam(), 0,
              kImages, out.data_ptr<float>());
    EXPECT_TRUE(out[1].isnan().any().item<bool>());
    EXPECT_TRUE(out[0].isfinite().all().item<bool>());
    EXPECT_TRUE(out[2].isfinite().all().item<bool>());

    example.a = example.a.to(at::kBFloat16);
    example.b = example.b.to(at::kBFloat16);
    const at::Tensor rounded = at::empty({kImages, kPixels, 16}, at::kBFloat16);
    FusedNorm(example.Input<Bf16>(), example.parameters, GetParam(), 0, kImages,
              static_cast<Bf16*>(rounded.data_ptr()));
    EXPECT_TRUE(rounded[1].isnan().any().item<bool>());
  }
}

TEST_P(FusedNormTest, AnImageIsTheSameAloneAndAmongOthers) {
  const Example example(40, 24, 4, GetParam());
  const at::Tensor together = at::empty({kImages, kPixels, 64});
  FusedNorm(example.Input<float>(), example.parameters, GetParam(), 0, kImages,
            together.data_ptr<float>());
  const at::Tensor apart = at::empty({kImages, kPixels, 64});
  for (int64_t image = 0; image < kImages; ++image) {
    FusedNorm(example.Input<float>(), example.parameters, GetParam(), image,
              image + 1, apart.data_ptr<float>());
  }
  EXPECT_TRUE(apart.equal(together));
}

INSTANTIATE_TEST_SUITE_P(
    InstructionSets, FusedNormTest,
    testing::Values(std::nullopt, InstructionSet::kAvx2,
                    InstructionSet::kAvx512),
    [](const testing::TestParamInfo<std::optional<InstructionSet>>& one) {
      if (!one.param) return "Baseline";
      return *one.param == InstructionSet::kAvx2 ? "Avx2" : "Avx512";
    });

}  // namespace
}  // namespace cascade
