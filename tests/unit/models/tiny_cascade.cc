#include "tests/unit/models/tiny_cascade.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/sha256.h"
#include "models/weights/module_weights.h"
#include "tests/unit/models/random_unet.h"

namespace cascade {
namespace {

StageManifest TinyStage(int resolution, int channels, int num_classes) {
  StageManifest stage;
  StageSpec& spec = stage.spec;
  spec.name = absl::StrCat(resolution, "x", resolution);
  spec.resolution = resolution;
  spec.channels = channels;
  spec.num_classes = num_classes;
  spec.has_null_class = num_classes > 0;
  spec.default_sampler.num_steps = 5;

  UNetConfig& network = stage.network;
  network.image_channels = channels;
  network.out_channels = channels;
  network.model_channels = 16;
  network.channel_mult = {1, 2};
  network.num_res_blocks = 1;
  network.attention_downsampling = {2};
  network.num_heads = 2;
  network.norm_groups = 8;
  network.num_classes = num_classes;
  network.null_class = num_classes > 0;
  return stage;
}

}  // namespace

StageManifest TinyBase() {
  StageManifest stage = TinyStage(8, 1, 10);
  stage.spec.diffusion.variance = VarianceKind::kLearnedRange;
  stage.network.out_channels = 2;
  return stage;
}

StageManifest TinySuperResolution() {
  StageManifest stage = TinyStage(16, 1, 10);
  stage.spec.index = 1;
  stage.spec.low_resolution = 8;
  stage.spec.diffusion.prediction = PredictionType::kVelocity;
  stage.spec.augmentation.enabled = true;
  stage.network.super_resolution = true;
  stage.network.augmentation_embedding = true;
  return stage;
}

StageManifest TinyUnconditional() { return TinyStage(8, 3, 0); }

std::string WritePackage(const std::string& name,
                         std::vector<StageManifest> stages) {
  const std::string folder = testing::TempDir() + "/" + name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  CascadeManifest manifest;
  manifest.name = name;
  for (int i = 0; i < stages[0].spec.num_classes; ++i) {
    manifest.class_names.push_back(absl::StrCat("class ", i));
  }
  for (size_t i = 0; i < stages.size(); ++i) {
    StageManifest& stage = stages[i];
    stage.weights_file = stage.spec.name + ".safetensors";
    const std::string path = folder + "/" + stage.weights_file;
    EXPECT_TRUE(
        SaveModuleWeights(path, *RandomUNet(stage.network, i + 1)).ok());
    stage.spec.weights_sha256 = Sha256Hex(ReadWholeFile(path).value());
    manifest.stages.push_back(stage);
  }
  EXPECT_TRUE(WriteManifest(folder, manifest).ok());
  return folder;
}

}  // namespace cascade
