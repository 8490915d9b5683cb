#include <ATen/Parallel.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "models/image_codec.h"
#include "models/nn/layers.h"
#include "models/training/adam.h"
#include "models/training/example_source.h"
#include "models/training/flat_parameters.h"
#include "models/training/image_folder.h"
#include "models/training/train_config.h"
#include "models/training/trainer.h"
#include "models/weights/safetensors.h"
#include "tests/unit/models/small_training.h"

namespace cascade {
namespace {

using testing::HasSubstr;

namespace fs = std::filesystem;

TEST(TrainTest, ResumesBitForBit) {
  const std::string images = MakeImageFolder("resume_images", 5);
  const auto output = [](const char* name) {
    const fs::path folder = fs::path(testing::TempDir()) / name;
    fs::remove_all(folder);
    return folder.string();
  };
  const TrainConfig through = SmallConfig(images, output("through"));
  TrainConfig twice = through;
  twice.output = output("twice");

  ASSERT_TRUE(Train(through, {}).ok());
  TrainRun first;
  first.stop_after = 3;
  ASSERT_TRUE(Train(twice, first).ok());
  std::string lines;
  TrainRun second;
  second.report = [&](const std::string& line) { lines += line + "\n"; };
  ASSERT_TRUE(Train(twice, second).ok());

  EXPECT_THAT(lines, HasSubstr("resuming at step 3"));
  EXPECT_THAT(lines, HasSubstr("images/s"));
  EXPECT_EQ(ReadWholeFile(through.output + "/checkpoint.safetensors").value(),
            ReadWholeFile(twice.output + "/checkpoint.safetensors").value());
  EXPECT_TRUE(fs::exists(through.output + "/samples-000004.png"));
}

TEST(TrainTest, StopsAndSavesWhenAsked) {
  const std::string images = MakeImageFolder("stop_images", 3);
  TrainConfig config = SmallConfig(images, testing::TempDir() + "/stopped");
  fs::remove_all(config.output);
  const std::atomic<bool> stop = true;
  TrainRun run;
  run.stop = &stop;
  ASSERT_TRUE(Train(config, run).ok());
  const auto file =
      SafetensorsFile::Read(config.output + "/checkpoint.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata().at("step"), "0");
}

TEST(TrainTest, RefusesACheckpointOfAnotherNetwork) {
  const std::string images = MakeImageFolder("other_images", 3);
  TrainConfig config = SmallConfig(images, testing::TempDir() + "/other");
  fs::remove_all(config.output);
  TrainRun run;
  run.stop_after = 1;
  ASSERT_TRUE(Train(config, run).ok());
  config.stage.network.model_channels = 12;
  const absl::Status status = Train(config, run);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("checkpoint.safetensors: tensor weights."));
}

// Of the same shapes, and of another meaning.
TEST(TrainTest, RefusesACheckpointOfAnotherProcess) {
  const std::string images = MakeImageFolder("process_images", 3);
  TrainConfig config = SmallConfig(images, testing::TempDir() + "/process");
  fs::remove_all(config.output);
  TrainRun run;
  run.stop_after = 1;
  ASSERT_TRUE(Train(config, run).ok());
  // What may change between two runs: how it is sampled, and dropout.
  config.stage.spec.default_sampler.num_steps = 3;
  config.stage.spec.augmentation.default_level = 0.1;
  config.stage.spec.augmentation.default_mode = AugmentationMode::kTruncated;
  config.stage.spec.handover = Handover::kUint8;
  config.stage.network.dropout = 0.1;
  EXPECT_TRUE(Train(config, run).ok());
  config.stage.spec.diffusion.prediction = PredictionType::kVelocity;
  const absl::Status status = Train(config, run);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("checkpoint.safetensors"));
  run.resume = false;
  EXPECT_TRUE(Train(config, run).ok());
}

TEST(TrainTest, RefusesTestImagesOfOtherClasses) {
  const std::string images = MakeImageFolder("train_classes", 2);
  TrainConfig config = SmallConfig(images, testing::TempDir() + "/test_class");
  config.test_folder = MakeImageFolder("test_classes", 2);
  fs::rename(config.test_folder + "/1", config.test_folder + "/2");
  EXPECT_THAT(std::string(Train(config, {}).message()),
              HasSubstr("test_classes"));
}

TEST(TrainTest, TrainsAnUnconditionalNetwork) {
  const std::string images = MakeImageFolder("no_class_images", 3);
  TrainConfig config = SmallConfig(images, testing::TempDir() + "/no_class");
  fs::remove_all(config.output);
  config.stage.network.num_classes = 0;
  config.stage.network.null_class = false;
  config.optimizer.label_dropout = 0;
  EXPECT_TRUE(Train(config, {}).ok());
  EXPECT_TRUE(fs::exists(config.output + "/samples-000004.png"));
}

// What a checkpoint says of its stage is what a package will say.
std::string StageOfCheckpoint(const TrainConfig& config) {
  const auto file =
      SafetensorsFile::Read(config.output + "/checkpoint.safetensors");
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? file->metadata().at("stage") : "";
}

// As the paper's upper stages: a factor of four, blur, and noise levels that
// are sampled with a schedule of their own.
TEST(TrainTest, TrainsWithBlurAndNoiseLevels) {
  const std::string images = MakeImageFolder("blurred_images", 3);
  TrainConfig config = SmallConfig(images, testing::TempDir() + "/blurred");
  fs::remove_all(config.output);
  StageManifest& stage = config.stage;
  stage.spec.low_resolution = 4;
  stage.spec.augmentation.enabled = false;
  stage.network.augmentation_embedding = false;
  stage.blur.share = 0.5;
  stage.spec.diffusion.conditioning = NoiseConditioning::kNoiseLevel;
  stage.spec.diffusion.variance = VarianceKind::kFixedSmall;
  stage.network.out_channels = 1;
  stage.spec.default_sampler.schedule =
      SamplingSchedule{.num_timesteps = 10, .betas = BetaRange{0.05, 0.7}};
  const absl::Status status = Train(config, {});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(fs::exists(config.output + "/samples-000004.png"));
  const std::string text = StageOfCheckpoint(config);
  EXPECT_THAT(text, HasSubstr("\"conditioning\":\"noise_level\""));
  EXPECT_THAT(text, HasSubstr("\"conditioning_blur\":{\"share\":0.5"));
  EXPECT_TRUE(ParseStage(text, "checkpoint").ok());

  // Another blur is another training.
  config.stage.blur.max_sigma = 0.8;
  EXPECT_EQ(Train(config, {}).code(), absl::StatusCode::kInvalidArgument);
}

TEST(TrainTest, NamesAWrongClassCountAndDevice) {
  const std::string images = MakeImageFolder("class_images", 1);
  TrainConfig config = SmallConfig(images, testing::TempDir() + "/classes");
  TrainRun run;
  run.device = "tpu";
  EXPECT_THAT(std::string(Train(config, run).message()),
              HasSubstr("device = \"tpu\" is not cpu or cuda:N"));
  config.stage.network.num_classes = 3;
  EXPECT_THAT(std::string(Train(config, {}).message()),
              HasSubstr("num_classes is 3"));
}

TEST(ExampleSourceTest, BatchesAreFunctionsOfTheStep) {
  const std::string images = MakeImageFolder("example_images", 5);
  const auto set = ReadImageFolder(images, 16, 1);
  ASSERT_TRUE(set.ok()) << set.status();
  const TrainConfig config = SmallConfig(images, "");
  ExampleSource one(config, *set);
  ExampleSource other(config, *set);
  one.Draw(0);
  const ExampleBatch a = one.Draw(4);
  const ExampleBatch b = other.Draw(4);
  EXPECT_TRUE(a.image.equal(b.image));
  EXPECT_TRUE(a.low_res.equal(b.low_res));
  EXPECT_TRUE(a.class_id.equal(b.class_id));
  EXPECT_FALSE(one.Draw(5).image.equal(a.image));
  EXPECT_EQ(a.image.size(2), 16);
  EXPECT_EQ(a.low_res.size(2), 8);
  EXPECT_LE(a.image.abs().max().item<float>(), 1.0f);
}

TEST(ExampleSourceTest, AnEpochHasEveryImageOnce) {
  const std::string images = MakeImageFolder("epoch_images", 4);
  const auto set = ReadImageFolder(images, 16, 1);
  ASSERT_TRUE(set.ok());
  TrainConfig config = SmallConfig(images, "");
  config.image_augmentation = {};
  ExampleSource source(config, *set);
  std::set<std::string> seen;
  for (int64_t step = 0; step < 2; ++step) {  // 8 images in batches of 4.
    const at::Tensor batch = source.Draw(step).image;
    for (int64_t i = 0; i < 4; ++i) {
      const at::Tensor image = batch[i].contiguous();
      seen.emplace(reinterpret_cast<const char*>(image.const_data_ptr()),
                   image.nbytes());
    }
  }
  EXPECT_EQ(seen.size(), 8u);
}

TEST(ImageFolderTest, OrdersNumbersAsNumbers) {
  const fs::path folder = fs::path(testing::TempDir()) / "numbers";
  fs::remove_all(folder);
  HostImage image{
      .height = 2, .width = 2, .channels = 1, .pixels = {1, 2, 3, 4}};
  for (const char* name : {"10", "2", "1"}) {
    WriteBytes(folder / name / "a.png", *EncodePng(image));
  }
  const auto set = ReadImageFolder(folder.string(), 2, 1);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->class_names, (std::vector<std::string>{"1", "2", "10"}));
  EXPECT_EQ(set->labels, (std::vector<int>{0, 1, 2}));
  WriteBytes(folder / "1" / "b.png", {1, 2, 3});
  EXPECT_THAT(
      std::string(ReadImageFolder(folder.string(), 2, 1).status().message()),
      HasSubstr("b.png"));
  EXPECT_EQ(ReadImageFolder("/nowhere", 2, 1).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(ImageFolderTest, PassesOverWhatIsNoClassFolder) {
  const fs::path folder = MakeImageFolder("loops", 1);
  fs::create_symlink("loop", folder / "loop");  // To itself.
  const auto set = ReadImageFolder(folder.string(), 16, 1);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->class_names, (std::vector<std::string>{"0", "1"}));
}

TEST(ImageFolderTest, ImagesWithoutClassFoldersAreOneClass) {
  const fs::path folder = fs::path(testing::TempDir()) / "flat";
  fs::remove_all(folder);
  fs::create_directories(folder);
  const auto empty = ReadImageFolder(folder.string(), 2, 1);
  EXPECT_THAT(std::string(empty.status().message()),
              HasSubstr("has no images in it"));
  HostImage image{
      .height = 2, .width = 2, .channels = 1, .pixels = {1, 2, 3, 4}};
  for (const char* name : {"b.png", "a.png"}) {
    WriteBytes(folder / name, *EncodePng(image));
  }
  const auto set = ReadImageFolder(folder.string(), 2, 1);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->class_names, std::vector<std::string>{"images"});
  EXPECT_EQ(set->labels, (std::vector<int>{0, 0}));
}

TEST(LearningRateTest, WarmsUpAndDecays) {
  OptimizerOptions options;
  options.steps = 110;
  options.warmup_steps = 10;
  options.learning_rate = 1;
  options.final_learning_rate = 0.1;
  options.decay = LearningRateDecay::kCosine;
  EXPECT_DOUBLE_EQ(LearningRate(options, 0), 0.1);
  EXPECT_DOUBLE_EQ(LearningRate(options, 9), 1);
  EXPECT_NEAR(LearningRate(options, 60), 0.55, 1e-9);
  EXPECT_NEAR(LearningRate(options, 110), 0.1, 1e-9);
}

TEST(AdamTest, FollowsThePaperForOneWeight) {
  OptimizerOptions options;
  options.steps = 10;
  options.learning_rate = 0.1;
  options.gradient_clip = 0;
  options.epsilon = 1e-8;
  const at::Tensor value = at::full({1}, 1.0f);
  const at::Tensor gradient = at::full({1}, 0.5f);
  Adam adam(options, value, gradient);
  double m = 0;
  double v = 0;
  double expected = 1;
  for (int step = 0; step < 5; ++step) {
    EXPECT_FLOAT_EQ(static_cast<float>(adam.Step(step)), 0.5f);
    m = 0.9 * m + 0.1 * 0.5;
    v = 0.999 * v + 0.001 * 0.25;
    expected -= 0.1 * (m / (1 - std::pow(0.9, step + 1))) /
                (std::sqrt(v / (1 - std::pow(0.999, step + 1))) + 1e-8);
    EXPECT_NEAR(value.item<float>(), expected, 1e-5);
  }
}

TEST(AdamTest, ClipsAndSkipsWhatIsNotFinite) {
  OptimizerOptions options;
  options.steps = 10;
  options.gradient_clip = 1;
  const at::Tensor value = at::full({4}, 1.0f);
  const at::Tensor gradient = at::full({4}, 10.0f);
  Adam adam(options, value, gradient);
  EXPECT_FLOAT_EQ(static_cast<float>(adam.Step(0)), 20.0f);
  EXPECT_NEAR(gradient.norm().item<double>(), 1.0, 1e-5);
  const at::Tensor before = value.clone();
  gradient.fill_(NAN);
  adam.Step(1);
  EXPECT_TRUE(value.equal(before));
}

TEST(FlatParametersTest, GradientsArriveInTheFlatTensor) {
  nn::Linear linear(3, 2);
  FlatParameters parameters(linear);
  parameters.ZeroGradients();
  linear.forward(at::full({1, 3}, 2.0f)).sum().backward();
  EXPECT_TRUE(
      FlatParameters::Part(parameters.gradients(), parameters.segments()[0])
          .equal(at::full({2, 3}, 2.0f)));
  parameters.values().zero_();
  EXPECT_EQ(linear.forward(at::full({1, 3}, 2.0f)).abs().max().item<float>(),
            0);
}

// Training configurations.

const char kConfig[] = R"({
  "stage": {
    "name": "8x8", "resolution": 8, "channels": 1,
    "network": {"model_channels": 32, "num_classes": 10},
    "diffusion": {"prediction": "v"},
    "sampler": {"steps": 10}
  },
  "data": {"train": "somewhere"},
  "output": "there",
  "optimizer": {"steps": 100, "learning_rate": 0.001}
})";

std::string ConfigError(const std::string& from, const std::string& to) {
  std::string text = kConfig;
  if (!from.empty()) text.replace(text.find(from), from.size(), to);
  const std::string path = testing::TempDir() + "/config.json";
  std::ofstream(path) << text;
  return std::string(ReadTrainConfig(path).status().message());
}

TEST(TrainConfigTest, NamesWhatIsWrong) {
  EXPECT_EQ(ConfigError("", ""), "");
  EXPECT_THAT(ConfigError("\"output\"", "\"ouput\""),
              HasSubstr("output is missing"));
  EXPECT_THAT(ConfigError("\"steps\": 100", "\"steps\": 0"),
              HasSubstr("optimizer.steps must be an integer in 1..1073741824, "
                        "is 0"));
  EXPECT_THAT(ConfigError("\"steps\": 100", "\"steps\": 100, \"lr\": 1"),
              HasSubstr("optimizer.lr is unknown"));
  EXPECT_THAT(
      ConfigError("\"steps\": 100", "\"steps\": 100, \"label_dropout\": 0.1"),
      HasSubstr("label_dropout needs stage.network.null_class"));
  EXPECT_THAT(ConfigError("\"prediction\": \"v\"", "\"prediction\": \"w\""),
              HasSubstr("stage.diffusion.prediction must be one of"));
  EXPECT_THAT(ConfigError("\"prediction\": \"v\"",
                          "\"prediction\": \"edm\", \"schedule\": \"karras\""),
              HasSubstr("stage.diffusion.schedule must be linear or cosine for "
                        "training, is \"karras\""));
  EXPECT_THAT(ConfigError("\"train\": \"somewhere\"",
                          "\"train\": \"x\", \"cache_resolution\": 12"),
              HasSubstr("data.cache_resolution must be a multiple"));
}

}  // namespace
}  // namespace cascade
