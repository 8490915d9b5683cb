#include "models/weights/module_weights.h"

#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "models/nn/layers.h"

namespace cascade {
namespace {

using testing::HasSubstr;

// Loads tensors, given by name, into a layer of 3 inputs and 2 outputs.
absl::Status LoadInto(nn::Linear& linear,
                      const std::map<std::string, at::Tensor>& tensors) {
  std::map<std::string, TensorView> views;
  for (const auto& [name, tensor] : tensors) views[name] = ViewOfTensor(tensor);
  const std::string path = testing::TempDir() + "/module.safetensors";
  if (absl::Status status = WriteSafetensors(path, views); !status.ok()) {
    return status;
  }
  return LoadModuleWeights(*SafetensorsFile::Read(path), linear);
}

TEST(ModuleWeightsTest, LoadsWhatItSaves) {
  nn::Linear one(3, 2);
  nn::Linear other(3, 2);
  const std::string path = testing::TempDir() + "/saved.safetensors";
  ASSERT_TRUE(SaveModuleWeights(path, one).ok());
  ASSERT_TRUE(LoadModuleWeights(*SafetensorsFile::Read(path), other).ok());
  const at::Tensor x = at::full({4, 3}, 0.5f);
  EXPECT_TRUE(one.forward(x).equal(other.forward(x)));
}

TEST(ModuleWeightsTest, ConvertsHalfPrecision) {
  nn::Linear linear(3, 2);
  ASSERT_TRUE(LoadInto(linear, {{"weight", at::full({2, 3}, 1.5, at::kHalf)},
                                {"bias", at::full({2}, 0.5, at::kBFloat16)}})
                  .ok());
  EXPECT_FLOAT_EQ(linear.forward(at::full({1, 3}, 1.0f))[0][0].item<float>(),
                  5.0f);
}

TEST(ModuleWeightsTest, NamesTheTensorAndTheFile) {
  nn::Linear linear(3, 2);
  const at::Tensor before = linear.parameters()[0].clone();
  const at::Tensor weight = at::full({2, 3}, 1.0f);
  const at::Tensor bias = at::full({2}, 1.0f);
  const auto error = [&](const std::map<std::string, at::Tensor>& tensors) {
    const absl::Status status = LoadInto(linear, tensors);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    return std::string(status.message());
  };
  EXPECT_THAT(error({{"weight", weight}}),
              HasSubstr("module.safetensors: tensor bias is missing"));
  EXPECT_THAT(error({{"weight", weight}, {"bias", bias}, {"more", bias}}),
              HasSubstr("tensor more is unknown to the network"));
  EXPECT_THAT(error({{"weight", at::full({3, 2}, 1.0f)}, {"bias", bias}}),
              HasSubstr("tensor weight has shape [3, 2], the network needs "
                        "[2, 3]"));
  EXPECT_THAT(
      error({{"weight", weight}, {"bias", at::full({2}, 1, at::kLong)}}),
      HasSubstr("tensor bias has dtype I64"));
  // Nothing was copied.
  EXPECT_TRUE(linear.parameters()[0].equal(before));
}

}  // namespace
}  // namespace cascade
