#include "models/plan/winograd_conv.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "tests/unit/models/each_instruction_set.h"
#include "tests/unit/models/tensor_values.h"

namespace cascade {
namespace {

// A convolution with random weights, and what ATen makes of it in doubles.
struct Example {
  Example(int64_t in, int64_t out, int64_t tile, InstructionSet instructions) {
    at::manual_seed(3);
    weight = at::randn({out, in, 3, 3}) / std::sqrt(9.0 * double(in));
    bias = at::randn({out});
    conv.emplace(Values(weight), Values(bias), tile, instructions);
  }

  // x [count, in, height, width], channels-last, float or bfloat16; `doubles`
  // as in Images; `sum` as the residual.
  at::Tensor Run(const at::Tensor& x, bool doubles, const at::Tensor& sum = {},
                 int64_t parts = 1) const {
    const int64_t factor = doubles ? 2 : 1;
    const WinogradConv::Images images{.count = x.size(0),
                                      .height = factor * x.size(2),
                                      .width = factor * x.size(3),
                                      .doubles = doubles,
                                      .threads = parts};
    at::Tensor out =
        at::full(
            {images.count, conv->out_channels(), images.height, images.width},
            std::numeric_limits<float>::quiet_NaN(), x.options())
            .contiguous(at::MemoryFormat::ChannelsLast);
    const int64_t blocks = conv->Blocks(images);
    // The last part first: no block waits for another.
    for (int64_t part = parts - 1; part >= 0; --part) {
      const int64_t begin = blocks * part / parts;
      const int64_t end = blocks * (part + 1) / parts;
      if (x.scalar_type() == at::kFloat) {
        RunTyped<float>(images, x, sum, begin, end, out);
      } else {
        RunTyped<Bf16>(images, x, sum, begin, end, out);
      }
    }
    return out;
  }

  template <typename T>
  void RunTyped(const WinogradConv::Images& images, const at::Tensor& x,
                const at::Tensor& sum, int64_t begin, int64_t end,
                at::Tensor& out) const {
    const T* residual = sum.defined() ? Data<T>(sum) : nullptr;
    conv->Run(images, Data<T>(x), residual, begin, end,
              static_cast<T*>(out.mutable_data_ptr()));
  }

  at::Tensor Expected(at::Tensor x, bool doubles) const {
    x = x.to(at::kDouble).contiguous();
    if (doubles) {
      x = at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
    }
    return at::conv2d(x, weight.to(at::kDouble), bias.to(at::kDouble), 1, 1);
  }

  at::Tensor weight;
  at::Tensor bias;
  std::optional<WinogradConv> conv;
};

at::Tensor RandomImages(at::IntArrayRef shape) {
  return at::randn(shape).contiguous(at::MemoryFormat::ChannelsLast);
}

double RootMeanSquareError(const at::Tensor& actual,
                           const at::Tensor& expected) {
  return (actual.to(at::kDouble) - expected)
      .square()
      .mean()
      .sqrt()
      .item<double>();
}

using WinogradConvTest = EachInstructionSet;

constexpr int64_t kTiles[] = {2, 4};
// Larger tiles round more.
constexpr double kTolerance = 1.5e-5;

TEST_P(WinogradConvTest, IsTheConvolution) {
  // Vectors in pairs and a single one; edges that are no whole tile.
  for (const auto& [in, out] :
       {std::pair<int64_t, int64_t>{16, 16}, {32, 64}, {48, 80}, {192, 48}}) {
    for (int64_t tile : kTiles) {
      const Example example(in, out, tile, GetParam());
      for (const auto& [height, width] : {std::pair<int64_t, int64_t>{8, 8},
                                          {7, 10},
                                          {1, 1},
                                          {2, 5},
                                          {33, 20}}) {
        SCOPED_TRACE(testing::Message()
                     << in << " to " << out << " channels, " << height << "x"
                     << width << ", tiles of " << tile);
        const at::Tensor x = RandomImages({3, in, height, width});
        EXPECT_LT(
            LargestError(example.Run(x, false), example.Expected(x, false)),
            kTolerance);
      }
    }
  }
}

TEST_P(WinogradConvTest, RoundsAtMostSixTimesAsMuchAsOneDnn) {
  for (int64_t tile : kTiles) {
    const Example example(128, 128, tile, GetParam());
    const at::Tensor x = RandomImages({4, 128, 16, 16});
    const at::Tensor expected = example.Expected(x, false);
    const at::Tensor by_onednn =
        at::conv2d(x.contiguous(), example.weight, example.bias, 1, 1);
    EXPECT_LT(RootMeanSquareError(example.Run(x, false), expected),
              6 * RootMeanSquareError(by_onednn, expected));
  }
}

TEST_P(WinogradConvTest, DoublesImagesFirst) {
  for (int64_t tile : kTiles) {
    const Example example(32, 48, tile, GetParam());
    for (int64_t size : {1, 3, 8}) {
      const at::Tensor x = RandomImages({2, 32, size, size + 1});
      EXPECT_LT(LargestError(example.Run(x, true), example.Expected(x, true)),
                kTolerance);
    }
  }
}

TEST_P(WinogradConvTest, AddsAResidualAlsoInItsPlace) {
  for (int64_t tile : kTiles) {
    const Example example(16, 32, tile, GetParam());
    const at::Tensor x = RandomImages({2, 16, 5, 6});
    const at::Tensor sum = RandomImages({2, 32, 5, 6});
    const at::Tensor expected = example.Expected(x, false) + sum;
    EXPECT_LT(LargestError(example.Run(x, false, sum), expected), kTolerance);
    at::Tensor in_place = sum.clone();
    const WinogradConv::Images images{.count = 2, .height = 5, .width = 6};
    example.RunTyped<float>(images, x, in_place, 0,
                            example.conv->Blocks(images), in_place);
    EXPECT_LT(LargestError(in_place, expected), kTolerance);
  }
}

TEST_P(WinogradConvTest, RoundsBfloat16OnlyAtItsEnds) {
  for (int64_t tile : kTiles) {
    const Example example(64, 32, tile, GetParam());
    const at::Tensor x = RandomImages({2, 64, 8, 8}).to(at::kBFloat16);
    const at::Tensor expected = example.Expected(x, false);
    const at::Tensor actual = example.Run(x, false);
    // Half of the last of 8 bits, of each value.
    EXPECT_LE(((actual.to(at::kDouble) - expected).abs() -
               expected.abs() / 256 - kTolerance)
                  .max()
                  .item<double>(),
              0.0);
  }
}

TEST_P(WinogradConvTest, AnImageHasTheSameBitsInAnyBatchAndInAnyBlocks) {
  for (int64_t tile : kTiles) {
    const Example example(48, 80, tile, GetParam());
    for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      for (int64_t size : {2, 7, 16}) {
        const at::Tensor x = RandomImages({9, 48, size, size}).to(dtype);
        const at::Tensor together = example.Run(x, false, {}, /*parts=*/3);
        for (int64_t i = 0; i < x.size(0); ++i) {
          const at::Tensor one = x.narrow(0, i, 1);
          const at::Tensor alone = example.Run(one, false);
          EXPECT_TRUE(alone.equal(together.narrow(0, i, 1)));
          // Too few tiles for so many: they share the output channels.
          for (int64_t parts : {2, 5}) {
            EXPECT_TRUE(alone.equal(example.Run(one, false, {}, parts)));
          }
        }
      }
    }
  }
}

TEST_P(WinogradConvTest, NaNStaysWhereItCanReach) {
  for (int64_t tile : kTiles) {
    const Example example(16, 16, tile, GetParam());
    for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      at::Tensor x = RandomImages({2, 16, 8, 8}).to(dtype);
      x[0][3][4][4] = std::numeric_limits<float>::quiet_NaN();
      const at::Tensor out = example.Run(x, false).to(at::kFloat);
      EXPECT_TRUE(out[0][0][4][4].isnan().item<bool>());
      EXPECT_FALSE(out[1].isnan().any().item<bool>());
    }
  }
}

TEST(WinogradTileTest, IsSmallForSmallImages) {
  EXPECT_EQ(WinogradConv::TileFor(1, 1), 2);
  EXPECT_EQ(WinogradConv::TileFor(4, 4), 2);
  EXPECT_EQ(WinogradConv::TileFor(5, 5), 4);
  EXPECT_EQ(WinogradConv::TileFor(8, 8), 4);
  EXPECT_EQ(WinogradConv::TileFor(64, 64), 4);
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, WinogradConvTest, InstructionSets(),
                         InstructionSetName);

}  // namespace
}  // namespace cascade
