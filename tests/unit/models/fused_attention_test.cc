#include "models/plan/fused_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/models/each_instruction_set.h"

namespace cascade {
namespace {

struct Shape {
  int64_t images = 2;
  int64_t pixels = 0;
  int64_t heads = 3;
  int64_t width = 0;
  bool parts_first = false;  // Queries of all heads, then keys, then values.
};

template <typename T>
void RunTyped(const Shape& shape, InstructionSet instructions, int64_t parts,
              const at::Tensor& qkv, at::Tensor& out) {
  const AttentionProblem<T> problem{
      .qkv = static_cast<const T*>(qkv.const_data_ptr()),
      .out = static_cast<T*>(out.mutable_data_ptr()),
      .images = shape.images,
      .pixels = shape.pixels,
      .heads = shape.heads,
      .width = shape.width,
      .head_stride = shape.parts_first ? shape.width : 3 * shape.width,
      .part_stride =
          shape.parts_first ? shape.heads * shape.width : shape.width};
  const int64_t heads = shape.images * shape.heads;
  for (int64_t part = parts - 1; part >= 0; --part) {
    FusedAttention(problem, instructions, heads * part / parts,
                   heads * (part + 1) / parts);
  }
}

// qkv [images, pixels, 3 * heads * width], float or bfloat16, computed in so
// many calls, the last part first.
at::Tensor Attend(const Shape& shape, InstructionSet instructions,
                  const at::Tensor& qkv, int64_t parts = 1) {
  at::Tensor out =
      at::full({shape.images, shape.pixels, shape.heads * shape.width},
               std::numeric_limits<float>::quiet_NaN(), qkv.options());
  if (qkv.scalar_type() == at::kFloat) {
    RunTyped<float>(shape, instructions, parts, qkv, out);
  } else {
    RunTyped<Bf16>(shape, instructions, parts, qkv, out);
  }
  return out;
}

at::Tensor RandomRows(const Shape& shape) {
  at::manual_seed(7);
  return 2 *
         at::randn({shape.images, shape.pixels, 3 * shape.heads * shape.width});
}

// By its definition, in doubles.
at::Tensor Expected(const Shape& shape, const at::Tensor& qkv) {
  const at::Tensor rows = qkv.to(at::kDouble);
  const at::Tensor parts =
      shape.parts_first
          ? rows.view({shape.images, shape.pixels, 3, shape.heads, shape.width})
                .transpose(2, 3)
          : rows.view(
                {shape.images, shape.pixels, shape.heads, 3, shape.width});
  const auto part = [&](int64_t index) {
    return parts.select(3, index).transpose(1, 2);
  };
  const at::Tensor weights =
      at::softmax(at::matmul(part(0), part(1).transpose(2, 3)) /
                      std::sqrt(static_cast<double>(shape.width)),
                  3);
  return at::matmul(weights, part(2))
      .transpose(1, 2)
      .reshape({shape.images, shape.pixels, shape.heads * shape.width});
}

double LargestError(const at::Tensor& actual, const at::Tensor& expected) {
  return (actual.to(at::kDouble) - expected).abs().max().item<double>();
}

using FusedAttentionTest = EachInstructionSet;

TEST_P(FusedAttentionTest, IsAttentionOfAnySize) {
  for (int64_t pixels : {1, 4, 16, 25, 64, 121}) {
    for (int64_t width : {5, 16, 24, 40, 64}) {
      for (bool parts_first : {false, true}) {
        SCOPED_TRACE(testing::Message() << pixels << " pixels, width " << width
                                        << ", " << parts_first);
        const Shape shape{
            .pixels = pixels, .width = width, .parts_first = parts_first};
        const at::Tensor qkv = RandomRows(shape);
        EXPECT_LT(
            LargestError(Attend(shape, GetParam(), qkv), Expected(shape, qkv)),
            2e-5);
      }
    }
  }
}

TEST_P(FusedAttentionTest, TakesScoresFarApart) {
  const Shape shape{.pixels = 33, .width = 8};
  const at::Tensor qkv = 100 * RandomRows(shape);
  EXPECT_LT(LargestError(Attend(shape, GetParam(), qkv), Expected(shape, qkv)),
            1e-2);
}

TEST_P(FusedAttentionTest, RoundsBfloat16OnlyAtItsEnds) {
  const Shape shape{.pixels = 64, .width = 24};
  const at::Tensor qkv = RandomRows(shape).to(at::kBFloat16);
  const at::Tensor expected = Expected(shape, qkv);
  const at::Tensor actual = Attend(shape, GetParam(), qkv);
  // Half of the last of 8 bits, of each value.
  EXPECT_LE(
      ((actual.to(at::kDouble) - expected).abs() - expected.abs() / 256 - 1e-5)
          .max()
          .item<double>(),
      0.0);
}

TEST_P(FusedAttentionTest, AnImageHasTheSameBitsInAnyBatchAndInAnyParts) {
  for (at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    Shape shape{.images = 5, .pixels = 49, .width = 24};
    const at::Tensor qkv = RandomRows(shape).to(dtype);
    const at::Tensor together = Attend(shape, GetParam(), qkv, /*parts=*/4);
    shape.images = 1;
    for (int64_t i = 0; i < qkv.size(0); ++i) {
      const at::Tensor alone = Attend(shape, GetParam(), qkv.narrow(0, i, 1));
      EXPECT_TRUE(alone.equal(together.narrow(0, i, 1)));
    }
  }
}

TEST_P(FusedAttentionTest, NaNStaysInItsImage) {
  const Shape shape{.pixels = 16, .width = 16};
  at::Tensor qkv = RandomRows(shape);
  qkv[0].fill_(std::numeric_limits<float>::quiet_NaN());
  const at::Tensor out = Attend(shape, GetParam(), qkv);
  EXPECT_TRUE(out[0].isnan().all().item<bool>());
  EXPECT_FALSE(out[1].isnan().any().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, FusedAttentionTest, InstructionSets(),
                         InstructionSetName);

}  // namespace
}  // namespace cascade
