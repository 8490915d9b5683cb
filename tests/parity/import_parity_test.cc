// Published checkpoints against the names and shapes of
// openai/guided-diffusion, and imported ones against outputs that it recorded.

#include <ATen/core/Tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "models/import/attention_layout.h"
#include "models/import/import_stage.h"
#include "models/import/known_checkpoints.h"
#include "models/import/weight_source.h"
#include "models/nn/unet.h"
#include "models/weights/json_fields.h"
#include "models/weights/module_weights.h"
#include "models/weights/safetensors.h"
#include "tests/parity/recorded_network.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

// Of the output's standard deviation.
constexpr double kTolerance = 1e-4;

using Infos = std::map<std::string, TensorInfo>;

class KnownCheckpointTest : public testing::TestWithParam<std::string> {
 protected:
  // What the published file holds.
  static Infos Published(const std::string& name) {
    const auto json = ReadJsonFile(
        CASCADE_SOURCE_DIR "/tests/parity/data/guided_diffusion_shapes.json");
    EXPECT_TRUE(json.ok()) << json.status();
    Infos infos;
    for (const auto& [key, shape] : json->at(name).items()) {
      infos[key] = {.shape = shape.get<std::vector<int64_t>>()};
    }
    return infos;
  }
};

TEST_P(KnownCheckpointTest, AcceptsThePublishedTensorsAndNoOthers) {
  const KnownCheckpoint* const known = FindKnownCheckpoint(GetParam());
  ASSERT_NE(known, nullptr);
  const Infos published = Published(GetParam());
  EXPECT_OK(CheckCheckpoint(published, *known));

  const auto error = [&](const Infos& infos) {
    const absl::Status status = CheckCheckpoint(infos, *known);
    EXPECT_THAT(status, HasCode(StatusCode::kInvalidArgument));
    return std::string(status.message());
  };
  Infos changed = published;
  changed.erase("middle_block.1.qkv.bias");
  EXPECT_EQ(error(changed), "tensor middle_block.1.qkv.bias is missing");
  changed = published;
  changed["input_blocks.99.0.weight"] = {.shape = {1}};
  EXPECT_EQ(error(changed),
            "tensor input_blocks.99.0.weight is unknown to " + GetParam());
  changed = published;
  std::vector<int64_t>& shape = changed.at("out.2.weight").shape;
  std::swap(shape[0], shape[1]);
  EXPECT_THAT(error(changed), HasSubstr("tensor out.2.weight has shape ["));
  EXPECT_THAT(error(changed), HasSubstr(GetParam() + " has [6, "));
  changed = published;
  changed.at("out.0.bias").type = TensorType::kI64;
  EXPECT_THAT(error(changed), HasSubstr("tensor out.0.bias has dtype I64"));
  changed.erase("out.2.bias");
  EXPECT_THAT(error(changed), HasSubstr("(and 1 more differ)"));
}

INSTANTIATE_TEST_SUITE_P(
    GuidedDiffusion, KnownCheckpointTest,
    testing::Values("64x64_diffusion", "128x128_diffusion", "256x256_diffusion",
                    "256x256_diffusion_uncond", "512x512_diffusion",
                    "64_256_upsampler", "128_512_upsampler"),
    [](const auto& tested) { return "Of" + tested.param; });

// A recorded network as a published checkpoint.
KnownCheckpoint CheckpointOf(const RecordedNetwork& recorded) {
  KnownCheckpoint checkpoint;
  checkpoint.name = recorded.name;
  checkpoint.stage.spec.name = recorded.name;
  checkpoint.stage.network = recorded.config;
  checkpoint.attention = recorded.config.attention_order == AttentionOrder::kNew
                             ? AttentionLayout::kNew
                             : AttentionLayout::kLegacy;
  return checkpoint;
}

// Of a network of this shape with these weights.
double ErrorOf(const RecordedNetwork& recorded, const UNetConfig& config,
               const SafetensorsFile& weights) {
  const at::NoGradGuard no_grad;
  nn::UNet unet(config);
  EXPECT_OK(LoadModuleWeights(weights, unet));
  unet.eval();
  return RecordedOutputError(recorded, unet.forward(RecordedInput(recorded)));
}

std::string EmptyFolder() {
  const std::string folder =
      testing::TempDir() + "/" +
      testing::UnitTest::GetInstance()->current_test_info()->test_suite_name();
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

struct Import {
  std::string network;
  std::string file;
};

class ImportParityTest : public testing::TestWithParam<Import> {};

TEST_P(ImportParityTest, GivesTheRecordedOutput) {
  if (!HaveRecordedNetworks()) {
    GTEST_SKIP() << "no reference tensors in " << CASCADE_REFERENCE_DIR;
  }
  const RecordedNetwork recorded = ReadRecordedNetwork(GetParam().network);
  const std::string folder = EmptyFolder();
  const KnownCheckpoint checkpoint = CheckpointOf(recorded);
  const auto stage =
      ImportStage(recorded.folder + "/" + GetParam().file, checkpoint, folder);
  ASSERT_OK(stage);
  EXPECT_EQ(stage->network.attention_order, kImportedOrder);
  EXPECT_EQ(stage->source->attention_layout,
            AttentionLayoutName(checkpoint.attention));
  const auto weights = ReadStageWeights(folder, *stage);
  ASSERT_OK(weights);
  const double error = ErrorOf(recorded, stage->network, *weights);
  std::printf("%s from %s: max error / std: %.2e\n", GetParam().network.c_str(),
              GetParam().file.c_str(), error);
  EXPECT_LE(error, kTolerance);
}

INSTANTIATE_TEST_SUITE_P(
    Reference, ImportParityTest,
    testing::Values(Import{"unet_legacy_attention", "checkpoint.pt"},
                    Import{"super_res", "checkpoint.pt"},
                    Import{"unet_new_attention", "weights.safetensors"},
                    Import{"unet_conv_resample", "weights.safetensors"}),
    [](const auto& tested) { return tested.param.network; });

// The weights of a recorded network with its attention rows moved to `order`.
SafetensorsFile Reordered(const RecordedNetwork& recorded, AttentionOrder order,
                          bool conv2d, const std::string& path) {
  const auto source =
      OpenWeightSource(recorded.folder + "/weights.safetensors").value();
  const UNetConfig& config = recorded.config;
  std::map<std::string, std::vector<std::byte>> bytes;
  std::map<std::string, TensorView> views;
  for (const auto& [name, info] : source->tensors()) {
    bytes[name] = source->Read(name).value();
    if (IsQkv(name)) {
      const int64_t channels = info.shape[0] / 3;
      bytes[name] =
          PermuteQkvRows(bytes[name], channels, config.heads(channels),
                         config.attention_order, order);
    }
    std::vector<int64_t> shape = info.shape;
    if (conv2d &&
        (name.ends_with("qkv.weight") || name.ends_with("proj_out.weight"))) {
      shape.push_back(1);
    }
    views[name] = {.type = info.type, .shape = shape, .bytes = bytes[name]};
  }
  EXPECT_OK(WriteSafetensors(path, views));
  return SafetensorsFile::Read(path).value();
}

class AttentionLayoutTest : public testing::TestWithParam<std::string> {};

// Both ways: the network of one order with the rows of that order gives what
// the network of the other order gave; and rows of the wrong order do not.
TEST_P(AttentionLayoutTest, TheOtherOrderGivesTheSameOutput) {
  if (!HaveRecordedNetworks()) {
    GTEST_SKIP() << "no reference tensors in " << CASCADE_REFERENCE_DIR;
  }
  const RecordedNetwork recorded = ReadRecordedNetwork(GetParam());
  UNetConfig config = recorded.config;
  const std::string path = EmptyFolder() + "/reordered.safetensors";
  config.attention_order = config.attention_order == AttentionOrder::kNew
                               ? AttentionOrder::kLegacy
                               : AttentionOrder::kNew;
  const SafetensorsFile reordered =
      Reordered(recorded, config.attention_order, false, path);
  EXPECT_LE(ErrorOf(recorded, config, reordered), kTolerance);
  EXPECT_GT(ErrorOf(recorded, recorded.config, reordered), 0.01);
}

// As consistency_models writes it.
TEST_P(AttentionLayoutTest, ImportsTheConv2dLayout) {
  if (!HaveRecordedNetworks()) {
    GTEST_SKIP() << "no reference tensors in " << CASCADE_REFERENCE_DIR;
  }
  const RecordedNetwork recorded = ReadRecordedNetwork(GetParam());
  const std::string folder = EmptyFolder();
  const std::string path = folder + "/conv2d.safetensors";
  Reordered(recorded, AttentionOrder::kNew, true, path);
  KnownCheckpoint checkpoint = CheckpointOf(recorded);
  EXPECT_THAT(ImportStage(path, checkpoint, folder).status().message(),
              HasSubstr("1, 1], " + GetParam() + " has ["));
  checkpoint.attention = AttentionLayout::kNewConv2d;
  const auto stage = ImportStage(path, checkpoint, folder);
  ASSERT_OK(stage);
  EXPECT_EQ(stage->source->attention_layout, "new_conv2d");
  const auto weights = ReadStageWeights(folder, *stage);
  ASSERT_OK(weights);
  EXPECT_LE(ErrorOf(recorded, stage->network, *weights), kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Reference, AttentionLayoutTest,
                         testing::Values("unet_new_attention",
                                         "unet_legacy_attention", "super_res"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace cascade
