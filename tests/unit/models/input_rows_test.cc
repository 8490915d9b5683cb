#include "models/nn/input_rows.h"

#include <gtest/gtest.h>

#include <vector>

namespace cascade::nn {
namespace {

constexpr int64_t kRows = 6;

StageSpec SuperResolution() {
  StageSpec spec;
  spec.resolution = 8;
  spec.low_resolution = 4;
  spec.channels = 3;
  spec.num_classes = 4;
  spec.has_null_class = true;
  spec.augmentation.enabled = true;
  return spec;
}

StageSpec Unconditional() {
  StageSpec spec;
  spec.resolution = 8;
  spec.channels = 1;
  return spec;
}

std::vector<at::Tensor> Tensors(const UNetInput& input) {
  return {input.x, input.timestep, input.class_id, input.low_res,
          input.augmentation};
}

TEST(ZeroInputTest, HasWhatTheStageReads) {
  const UNetInput input = ZeroInput(SuperResolution(), kRows, at::kCPU);
  for (const at::Tensor& images : {input.x, input.low_res}) {
    EXPECT_EQ(images.sizes(), (std::vector<int64_t>{kRows, 3, 8, 8}));
    EXPECT_EQ(images.scalar_type(), at::kFloat);
  }
  for (const at::Tensor& values : {input.timestep, input.augmentation}) {
    EXPECT_EQ(values.sizes(), std::vector<int64_t>{kRows});
    EXPECT_EQ(values.scalar_type(), at::kFloat);
  }
  EXPECT_EQ(input.class_id.sizes(), std::vector<int64_t>{kRows});
  EXPECT_EQ(input.class_id.scalar_type(), at::kLong);
  for (const at::Tensor& tensor : Tensors(input)) {
    EXPECT_EQ(tensor.count_nonzero().item<int64_t>(), 0);
  }
}

TEST(ZeroInputTest, LeavesOutWhatTheStageDoesNotRead) {
  const UNetInput input = ZeroInput(Unconditional(), kRows, at::kCPU);
  EXPECT_TRUE(input.x.defined());
  EXPECT_TRUE(input.timestep.defined());
  EXPECT_FALSE(input.class_id.defined());
  EXPECT_FALSE(input.low_res.defined());
  EXPECT_FALSE(input.augmentation.defined());
}

TEST(RandomInputTest, HasRowsThatDifferInEverything) {
  const UNetInput input = RandomInput(SuperResolution(), kRows, at::kCPU);
  for (const at::Tensor& tensor :
       {input.x, input.timestep, input.low_res, input.augmentation}) {
    for (int64_t i = 1; i < kRows; ++i) {
      EXPECT_FALSE(tensor.select(0, i).equal(tensor.select(0, i - 1))) << i;
    }
  }
  EXPECT_FALSE(input.x.equal(input.low_res));
}

TEST(RandomInputTest, StaysInTheRangesOfTheStage) {
  const UNetInput input = RandomInput(SuperResolution(), kRows, at::kCPU);
  EXPECT_EQ(input.timestep.min().item<float>(), 0);
  EXPECT_EQ(input.timestep.max().item<float>(), 999);
  EXPECT_EQ(input.augmentation.min().item<float>(), 0);
  EXPECT_LT(input.augmentation.max().item<float>(), 1000);
  const int64_t* classes = input.class_id.const_data_ptr<int64_t>();
  // 4 is the null class.
  EXPECT_EQ(std::vector<int64_t>(classes, classes + kRows),
            (std::vector<int64_t>{0, 1, 2, 3, 4, 0}));
}

TEST(RandomInputTest, LeavesOutWhatTheStageDoesNotRead) {
  const UNetInput input = RandomInput(Unconditional(), 1, at::kCPU);
  EXPECT_TRUE(input.x.defined());
  EXPECT_FALSE(input.class_id.defined());
  EXPECT_FALSE(input.low_res.defined());
  EXPECT_FALSE(input.augmentation.defined());
}

TEST(RandomInputTest, IsTheSameEachTime) {
  const std::vector<at::Tensor> once =
      Tensors(RandomInput(SuperResolution(), kRows, at::kCPU));
  const std::vector<at::Tensor> again =
      Tensors(RandomInput(SuperResolution(), kRows, at::kCPU));
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_TRUE(once[i].equal(again[i])) << i;
  }
}

TEST(RowsTest, AreViews) {
  const UNetInput input = RandomInput(SuperResolution(), kRows, at::kCPU);
  const std::vector<at::Tensor> all = Tensors(input);
  const std::vector<at::Tensor> some = Tensors(Rows(input, 2, 3));
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(some[i].equal(all[i].slice(0, 2, 5))) << i;
    EXPECT_TRUE(some[i].is_alias_of(all[i])) << i;
  }
}

TEST(RowsTest, AreOfTensorsThatAreThere) {
  const UNetInput rows =
      Rows(RandomInput(Unconditional(), kRows, at::kCPU), 1, 2);
  EXPECT_EQ(rows.x.size(0), 2);
  EXPECT_EQ(rows.timestep.size(0), 2);
  EXPECT_FALSE(rows.class_id.defined());
  EXPECT_FALSE(rows.low_res.defined());
  EXPECT_FALSE(rows.augmentation.defined());
}

TEST(RowsTest, TheFirstBeginAtTheFirst) {
  const UNetInput input = RandomInput(SuperResolution(), kRows, at::kCPU);
  const UNetInput first = FirstRows(input, 4);
  EXPECT_TRUE(first.x.equal(input.x.slice(0, 0, 4)));
  EXPECT_TRUE(first.x.is_alias_of(input.x));
}

}  // namespace
}  // namespace cascade::nn
