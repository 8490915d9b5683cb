// The norm of models/cuda as its kernel computes it, thread by thread, on the
// host.

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "models/cuda/fused_norm.h"

namespace cascade {
namespace {

struct Shape {
  std::string name;
  int first_channels = 0;
  int second_channels = 0;
  int size = 0;
  int groups = 0;
  bool scale_shift = false;
  bool adds = false;  // The embedding, and an input bias.
  bool silu = true;
  int chunks = 1;  // That are expected.
};

std::vector<Shape> Shapes() {
  return {{"Small", 32, 0, 4, 8},
          {"ScaleShift", 64, 0, 8, 32, true},
          {"Added", 48, 0, 5, 8, false, true, false},
          {"Joined", 64, 32, 8, 32, true},
          {"JoinedOddly", 6, 9, 7, 5},
          {"OneGroup", 40, 0, 6, 1},
          {"ManyGroups", 96, 0, 3, 96, true, true},
          {"Chunks", 128, 64, 40, 32, true, false, true, 3}};
}

class CardNormTest : public testing::TestWithParam<Shape> {
 protected:
  static constexpr int kImages = 3;

  CardNormTest() {
    const Shape& shape = GetParam();
    at::manual_seed(5);
    const int channels = shape.first_channels + shape.second_channels;
    // A mean that is far from 0 shows sums that lose the variance.
    x_ = Images(channels) * 2 + 300;
    weight_ = at::randn({channels});
    bias_ = at::randn({channels});
    input_bias_ = at::randn({channels});
    embedding_ = at::randn({kImages, 3 * channels});
  }

  at::Tensor Images(int channels) const {
    const int size = GetParam().size;
    return at::randn({kImages, channels, size, size});
  }
  int channels() const { return static_cast<int>(x_.size(1)); }
  at::Tensor Part(int index) const {
    return embedding_.narrow(1, index * channels(), channels());
  }

  NormArguments Arguments(int images) const {
    const Shape& shape = GetParam();
    NormArguments a;
    a.images = images;
    a.pixels = shape.size * shape.size;
    a.first_channels = shape.first_channels;
    a.second_channels = shape.second_channels;
    a.groups = shape.groups;
    a.weight = weight_.const_data_ptr<float>();
    a.bias = bias_.const_data_ptr<float>();
    a.stride = embedding_.stride(0);
    const float* extras = embedding_.const_data_ptr<float>();
    if (shape.scale_shift) {
      a.scale = extras;
      a.shift = extras + channels();
    }
    if (shape.adds) {
      a.add = extras + 2 * channels();
      a.input_bias = input_bias_.const_data_ptr<float>();
    }
    a.silu = shape.silu;
    return a;
  }

  // Of the images `begin` to `end`, channels first.
  at::Tensor Run(int begin, int end, at::ScalarType type,
                 at::ScalarType out_type) const {
    const auto name = [](at::ScalarType of) {
      return of == at::kFloat  ? NormType::kFloat
             : of == at::kHalf ? NormType::kHalf
                               : NormType::kBFloat16;
    };
    NormArguments a = Arguments(end - begin);
    const at::Tensor rows =
        x_.narrow(0, begin, end - begin).permute({0, 2, 3, 1}).to(type);
    const at::Tensor first = rows.narrow(3, 0, a.first_channels).contiguous();
    const at::Tensor second =
        rows.narrow(3, a.first_channels, a.second_channels).contiguous();
    at::Tensor out = at::empty(rows.sizes(), out_type);
    a.type = name(type);
    a.out_type = name(out_type);
    a.first = first.const_data_ptr();
    if (a.second_channels > 0) a.second = second.const_data_ptr();
    a.out = out.mutable_data_ptr();
    if (a.scale != nullptr) a.scale += begin * a.stride;
    if (a.shift != nullptr) a.shift += begin * a.stride;
    if (a.add != nullptr) a.add += begin * a.stride;
    FusedNormOnHost(a);
    return out.permute({0, 3, 1, 2});
  }

  // By ATen, in double.
  at::Tensor Expected(at::ScalarType type) const {
    const Shape& shape = GetParam();
    const auto extra = [&](int index) {
      return Part(index).to(at::kDouble).unsqueeze(-1).unsqueeze(-1);
    };
    at::Tensor h = x_.to(type).to(at::kDouble);
    if (shape.adds) h = h + extra(2) + input_bias_.view({1, -1, 1, 1});
    h = at::group_norm(h, shape.groups, weight_.to(at::kDouble),
                       bias_.to(at::kDouble), 1e-5);
    if (shape.scale_shift) h = h * (extra(0) + 1) + extra(1);
    return shape.silu ? at::silu(h) : h;
  }

  double Error(at::ScalarType type, at::ScalarType out_type) const {
    const at::Tensor expected = Expected(type);
    return ((Run(0, kImages, type, out_type) - expected).abs() /
            (1 + expected.abs()))
        .max()
        .item<double>();
  }

  at::Tensor x_;
  at::Tensor weight_;
  at::Tensor bias_;
  at::Tensor input_bias_;
  at::Tensor embedding_;
};

TEST_P(CardNormTest, IsATensGroupNormAndWhatFollows) {
  EXPECT_LT(Error(at::kFloat, at::kFloat), 1e-4);
  EXPECT_LT(Error(at::kBFloat16, at::kFloat), 1e-4);
  EXPECT_LT(Error(at::kHalf, at::kFloat), 1e-4);
  // Half a unit in the last of 8 bits, and of 11.
  EXPECT_LT(Error(at::kBFloat16, at::kBFloat16), 0.004);
  EXPECT_LT(Error(at::kHalf, at::kHalf), 0.0006);
}

TEST_P(CardNormTest, AnImageHasTheSameBitsInEveryBatch) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const at::Tensor together = Run(0, kImages, type, type);
    for (int i = 0; i < kImages; ++i) {
      EXPECT_TRUE(together.narrow(0, i, 1).equal(Run(i, i + 1, type, type)));
    }
  }
}

TEST_P(CardNormTest, TheLayoutFitsABlockOfThreads) {
  const NormArguments arguments = Arguments(kImages);
  EXPECT_TRUE(HasNormLayout(arguments));
  const NormLayout layout = LayoutOf(arguments);
  EXPECT_EQ(layout.chunks, GetParam().chunks);
  EXPECT_EQ(layout.blocks * layout.groups, GetParam().groups);
  EXPECT_GE(layout.chunks * layout.chunk_pixels, arguments.pixels);
}

INSTANTIATE_TEST_SUITE_P(Shapes, CardNormTest, testing::ValuesIn(Shapes()),
                         [](const auto& tested) { return tested.param.name; });

TEST(NormLayoutTest, AGroupThatNoBlockHoldsHasNone) {
  NormArguments arguments;
  arguments.pixels = 4;
  arguments.first_channels = 4 * 1025;
  arguments.groups = 1;
  EXPECT_FALSE(HasNormLayout(arguments));
  arguments.groups = 5;
  EXPECT_TRUE(HasNormLayout(arguments));
}

}  // namespace
}  // namespace cascade
