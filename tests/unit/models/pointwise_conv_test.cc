#include "models/plan/pointwise_conv.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "models/plan/bf16.h"
#include "tests/unit/models/each_instruction_set.h"
#include "tests/unit/models/tensor_values.h"

namespace cascade {
namespace {

// A convolution with random weights, and what ATen makes of it in doubles.
struct Example {
  Example(int64_t in, int64_t out, InstructionSet instructions) {
    at::manual_seed(3);
    weight = at::randn({out, in}) / std::sqrt(double(in));
    bias = at::randn({out});
    conv.emplace(Values(weight), Values(bias), instructions);
  }

  // x [pixels, in], float or bfloat16; `sum` as the residual.
  at::Tensor Run(const at::Tensor& x, const at::Tensor& sum = {},
                 int64_t parts = 1) const {
    at::Tensor out =
        at::full({x.size(0), conv->out_channels()},
                 std::numeric_limits<float>::quiet_NaN(), x.options());
    const int64_t blocks = conv->Blocks(x.size(0));
    // The last part first: no block waits for another.
    for (int64_t part = parts - 1; part >= 0; --part) {
      const int64_t begin = blocks * part / parts;
      const int64_t end = blocks * (part + 1) / parts;
      if (x.scalar_type() == at::kFloat) {
        RunTyped<float>(x, sum, begin, end, out);
      } else {
        RunTyped<Bf16>(x, sum, begin, end, out);
      }
    }
    return out;
  }

  template <typename T>
  void RunTyped(const at::Tensor& x, const at::Tensor& sum, int64_t begin,
                int64_t end, at::Tensor& out) const {
    const T* residual = sum.defined() ? Data<T>(sum) : nullptr;
    conv->Run(x.size(0), Data<T>(x), residual, begin, end,
              static_cast<T*>(out.mutable_data_ptr()));
  }

  at::Tensor Expected(const at::Tensor& x) const {
    return at::addmm(bias.to(at::kDouble), x.to(at::kDouble),
                     weight.to(at::kDouble).t());
  }

  at::Tensor weight;
  at::Tensor bias;
  std::optional<PointwiseConv> conv;
};

using PointwiseConvTest = EachInstructionSet;

TEST_P(PointwiseConvTest, IsTheConvolution) {
  // One vector, pairs, three at the end; rows that are no whole block.
  for (const auto& [in, out] : {std::pair<int64_t, int64_t>{16, 16},
                                {32, 64},
                                {48, 144},
                                {80, 48},
                                {192, 80}}) {
    const Example example(in, out, GetParam());
    for (int64_t pixels : {1, 3, 24, 64, 101}) {
      SCOPED_TRACE(testing::Message() << in << " to " << out << " channels, "
                                      << pixels << " pixels");
      const at::Tensor x = at::randn({pixels, in});
      EXPECT_LT(LargestError(example.Run(x), example.Expected(x)), 1e-5);
    }
  }
}

TEST_P(PointwiseConvTest, AddsAResidualAlsoInItsPlace) {
  const Example example(32, 48, GetParam());
  const at::Tensor x = at::randn({50, 32});
  const at::Tensor sum = at::randn({50, 48});
  const at::Tensor expected = example.Expected(x) + sum;
  EXPECT_LT(LargestError(example.Run(x, sum), expected), 1e-5);
  at::Tensor in_place = sum.clone();
  example.RunTyped<float>(x, in_place, 0, example.conv->Blocks(x.size(0)),
                          in_place);
  EXPECT_LT(LargestError(in_place, expected), 1e-5);
}

TEST_P(PointwiseConvTest, RoundsBfloat16OnlyAtItsEnds) {
  const Example example(64, 32, GetParam());
  const at::Tensor x = at::randn({60, 64}).to(at::kBFloat16);
  const at::Tensor expected = example.Expected(x);
  // Half of the last of 8 bits, of each value.
  EXPECT_LE(((example.Run(x).to(at::kDouble) - expected).abs() -
             expected.abs() / 256 - 1e-5)
                .max()
                .item<double>(),
            0.0);
}

TEST_P(PointwiseConvTest, APixelHasTheSameBitsAmongAnyAndInAnyBlocks) {
  const Example example(48, 80, GetParam());
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor x = at::randn({77, 48}).to(dtype);
    const at::Tensor together = example.Run(x, {}, /*parts=*/3);
    for (int64_t i = 0; i < x.size(0); ++i) {
      EXPECT_TRUE(
          example.Run(x.narrow(0, i, 1)).equal(together.narrow(0, i, 1)));
    }
  }
}

TEST_P(PointwiseConvTest, NaNStaysInItsPixel) {
  const Example example(16, 16, GetParam());
  at::Tensor x = at::randn({10, 16});
  x[4][3] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor is_nan = example.Run(x).isnan();
  EXPECT_TRUE(is_nan[4].all().item<bool>());
  EXPECT_EQ(is_nan.sum().item<int64_t>(), 16);
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, PointwiseConvTest, InstructionSets(),
                         InstructionSetName);

}  // namespace
}  // namespace cascade
