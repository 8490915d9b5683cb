// The U-Nets against outputs that openai/guided-diffusion recorded.

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "models/nn/resample.h"
#include "models/nn/unet.h"
#include "models/weights/json_fields.h"
#include "models/weights/module_weights.h"
#include "models/weights/safetensors.h"

namespace cascade {
namespace {

// Of the output's standard deviation.
constexpr double kTolerance = 1e-4;

// The constructor arguments of the reference, as our configuration.
UNetConfig ConfigOf(const nlohmann::ordered_json& json) {
  UNetConfig config;
  config.image_channels = json.at("in_channels");
  config.out_channels = json.at("out_channels");
  config.model_channels = json.at("model_channels");
  config.num_res_blocks = json.at("num_res_blocks");
  config.channel_mult = json.at("channel_mult").get<std::vector<double>>();
  // The reference calls them resolutions; its networks take factors.
  config.attention_downsampling =
      json.at("attention_resolutions").get<std::vector<int>>();
  config.num_heads = json.at("num_heads");
  config.num_head_channels = std::max(0, json.value("num_head_channels", -1));
  config.attention_order = json.value("use_new_attention_order", false)
                               ? AttentionOrder::kNew
                               : AttentionOrder::kLegacy;
  if (!json.at("num_classes").is_null()) {
    config.num_classes = json.at("num_classes");
  }
  config.scale_shift_norm = json.at("use_scale_shift_norm");
  config.resblock_updown = json.at("resblock_updown");
  config.super_resolution = json.at("class") == "SuperResModel";
  return config;
}

class UNetParityTest : public testing::TestWithParam<std::string> {};

TEST_P(UNetParityTest, GivesTheRecordedOutput) {
  const auto folder = std::filesystem::path(CASCADE_REFERENCE_DIR) / GetParam();
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "no reference tensors in " << folder;
  }
  const auto json = ReadJsonFile((folder / "config.json").string());
  ASSERT_TRUE(json.ok()) << json.status();
  const UNetConfig config = ConfigOf(*json);
  ASSERT_TRUE(config.Validate().ok()) << config.Validate();
  // Teams of threads stall on a machine that does other work.
  at::set_num_threads(1);
  nn::UNet unet(config);
  unet.eval();
  const auto weights =
      SafetensorsFile::Read((folder / "weights.safetensors").string());
  ASSERT_TRUE(weights.ok()) << weights.status();
  const absl::Status loaded = LoadModuleWeights(*weights, unet);
  ASSERT_TRUE(loaded.ok()) << loaded;

  const auto io = SafetensorsFile::Read((folder / "io.safetensors").string());
  ASSERT_TRUE(io.ok()) << io.status();
  const auto tensor = [&](const char* name) {
    return TensorOfView(io->tensors().at(name)).clone();
  };
  nn::UNetInput input;
  input.x = tensor("x");
  input.timestep = tensor("t");
  if (config.num_classes > 0) input.class_id = tensor("y");
  if (config.super_resolution) {
    input.low_res =
        nn::EnlargeLowResolution(tensor("low_res"), input.x.size(2));
  }
  const at::Tensor expected = tensor("out");

  const auto error_of = [&](const at::Tensor& output) {
    return ((output - expected).abs().max() / expected.std()).item<double>();
  };
  double inference_error = 0;
  {
    const at::NoGradGuard no_grad;
    inference_error = error_of(unet.forward(input));
  }
  const double training_error = error_of(unet.forward(input));
  std::printf("%s: max error / std: inference %.2e, training %.2e\n",
              GetParam().c_str(), inference_error, training_error);
  EXPECT_LE(inference_error, kTolerance);
  EXPECT_LE(training_error, kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Reference, UNetParityTest,
                         testing::Values("unet_new_attention",
                                         "unet_legacy_attention",
                                         "unet_conv_resample", "super_res"),
                         [](const auto& tested) { return tested.param; });

// What `model_and_diffusion_defaults` and the README make of each published
// network.
struct Published {
  const char* name;
  int model_channels;
  std::vector<double> channel_mult;
  int num_res_blocks;
  std::vector<int> attention_downsampling;
  int num_classes;
  bool super_resolution;
};

class PublishedNetworkTest : public testing::TestWithParam<Published> {};

TEST_P(PublishedNetworkTest, HasTheSameStateDict) {
  const auto path = std::filesystem::path(CASCADE_REFERENCE_DIR) /
                    "guided_diffusion_state_dict_shapes.json";
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << "no reference tensors at " << path;
  }
  const auto shapes = ReadJsonFile(path.string());
  ASSERT_TRUE(shapes.ok()) << shapes.status();

  UNetConfig config;
  config.out_channels = 6;
  config.model_channels = GetParam().model_channels;
  config.channel_mult = GetParam().channel_mult;
  config.num_res_blocks = GetParam().num_res_blocks;
  config.attention_downsampling = GetParam().attention_downsampling;
  config.num_head_channels = 64;  // Shapes do not tell heads apart.
  config.num_classes = GetParam().num_classes;
  config.super_resolution = GetParam().super_resolution;
  ASSERT_TRUE(config.Validate().ok()) << config.Validate();
  const nn::UninitializedScope uninitialized;
  const nn::UNet unet(config);

  std::map<std::string, std::vector<int64_t>> ours;
  for (const auto& entry : unet.named_parameters()) {
    ours[entry.key()] = entry.value().sizes().vec();
  }
  std::map<std::string, std::vector<int64_t>> published;
  for (const auto& [key, shape] : shapes->at(GetParam().name).items()) {
    published[key] = shape.get<std::vector<int64_t>>();
  }
  EXPECT_EQ(ours, published);
}

INSTANTIATE_TEST_SUITE_P(
    GuidedDiffusion, PublishedNetworkTest,
    testing::Values(
        Published{
            "64x64_diffusion", 192, {1, 2, 3, 4}, 3, {2, 4, 8}, 1000, false},
        Published{"128x128_diffusion",
                  256,
                  {1, 1, 2, 3, 4},
                  2,
                  {4, 8, 16},
                  1000,
                  false},
        Published{"256x256_diffusion",
                  256,
                  {1, 1, 2, 2, 4, 4},
                  2,
                  {8, 16, 32},
                  1000,
                  false},
        Published{"256x256_diffusion_uncond",
                  256,
                  {1, 1, 2, 2, 4, 4},
                  2,
                  {8, 16, 32},
                  0,
                  false},
        Published{"512x512_diffusion",
                  256,
                  {0.5, 1, 1, 2, 2, 4, 4},
                  2,
                  {16, 32, 64},
                  1000,
                  false},
        Published{"64_256_upsampler",
                  192,
                  {1, 1, 2, 2, 4, 4},
                  2,
                  {8, 16, 32},
                  1000,
                  true},
        Published{"128_512_upsampler",
                  192,
                  {1, 1, 2, 2, 4, 4},
                  2,
                  {16, 32},
                  1000,
                  true}),
    [](const auto& tested) { return std::string("Of") + tested.param.name; });

}  // namespace
}  // namespace cascade
