#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/evaluation/cascade_sampler.h"
#include "models/evaluation/classifier.h"
#include "models/evaluation/sample_set.h"
#include "models/nn/unet.h"
#include "models/training/contact_sheet.h"
#include "models/training/reference_sampler.h"
#include "models/weights/cascade_manifest.h"
#include "models/weights/module_weights.h"
#include "tests/unit/models/tiny_cascade.h"

namespace cascade {
namespace {

using testing::HasSubstr;

TEST(CascadeSamplerTest, DrawsTheSameImageInAnyCompany) {
  const std::string folder =
      WritePackage("sampled", {TinyBase(), TinySuperResolution()});
  LoadOptions options;
  options.max_batch_rows = 8;
  const auto model = LoadCascade(folder, options);
  ASSERT_TRUE(model.ok()) << model.status();
  std::vector<StageSampling> stages =
      CascadeSampler::Defaults((*model)->spec());
  ASSERT_EQ(stages.size(), 2u);
  for (StageSampling& stage : stages) stage.sampler.num_steps = 3;

  SampleRequest request;
  request.sampling = stages;
  request.count = 13;
  request.first_seed = 100;
  request.threads = 2;
  const auto set = DrawSampleSet(**model, request);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->stages.size(), 2u);
  EXPECT_EQ(set->stages[1].count(), 13);
  EXPECT_EQ(set->stages[1].labels[12], 2);

  const auto sampler = CascadeSampler::Create(**model, stages);
  ASSERT_TRUE(sampler.ok()) << sampler.status();
  const std::vector<std::optional<int>> class_ids = {2};
  const auto alone = (*sampler)->Sample(112, class_ids);
  ASSERT_TRUE(alone.ok()) << alone.status();
  const std::vector<uint8_t>& pixels = set->stages[1].pixels;
  EXPECT_EQ(alone->front().pixels[1].pixels,
            std::vector<uint8_t>(pixels.end() - 256, pixels.end()));
}

// The executor that serves against the plain loop that draws training's grids.
// A stage, and how it is sampled.
struct ReferenceCase {
  std::string name;
  DiffusionSpec diffusion;
  SamplerOptions sampler;
};

class ReferenceSamplerTest : public testing::TestWithParam<ReferenceCase> {};

TEST_P(ReferenceSamplerTest, AgreesWithTheExecutor) {
  StageManifest base = TinyBase();
  base.spec.diffusion = GetParam().diffusion;
  base.spec.default_sampler = GetParam().sampler;
  const bool learned =
      base.spec.diffusion.variance == VarianceKind::kLearnedRange;
  base.network.out_channels = learned ? 2 : 1;
  const std::string folder = WritePackage(GetParam().name, {base});
  const auto model = LoadCascade(folder, {});
  ASSERT_TRUE(model.ok()) << model.status();
  const std::vector<StageSampling> stages =
      CascadeSampler::Defaults((*model)->spec());
  const auto sampler = CascadeSampler::Create(**model, stages);
  ASSERT_TRUE(sampler.ok()) << sampler.status();
  const std::vector<std::optional<int>> class_ids = {3, 4};
  const auto served = (*sampler)->Sample(50, class_ids);
  ASSERT_TRUE(served.ok()) << served.status();

  const auto manifest = ReadManifest(folder);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  const StageManifest& stage = manifest->stages[0];
  nn::UNet network(stage.network);
  ASSERT_TRUE(
      LoadModuleWeights(*ReadStageWeights(folder, stage), network).ok());
  network.eval();
  ReferenceSample reference;
  reference.input.class_id = at::arange(3, 5);
  reference.null_class_id = at::full({2}, stage.network.num_classes, at::kLong);
  reference.key.seed = 50;
  const at::Tensor images = RunSampler(
      network, *CompileSampler(stage.spec.diffusion, stages[0].sampler),
      {2, 1, 8, 8}, reference);
  const at::Tensor bytes = ((images + 1) * 127.5).clamp(0, 255);
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t p = 0; p < 64; ++p) {
      EXPECT_NEAR(bytes[i].flatten()[p].item<double>(),
                  (*served)[static_cast<size_t>(i)]
                      .pixels[0]
                      .pixels[static_cast<size_t>(p)],
                  1.0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Samplers, ReferenceSamplerTest,
    testing::Values(
        ReferenceCase{.name = "ddpm",
                      .diffusion = {.variance = VarianceKind::kLearnedRange},
                      .sampler = {.kind = SamplerKind::kDdpm,
                                  .num_steps = 5,
                                  .guidance = {.scale = 2}}},
        ReferenceCase{.name = "heun",
                      .diffusion = {.variance = VarianceKind::kLearnedRange},
                      .sampler = {.kind = SamplerKind::kHeun,
                                  .num_steps = 4,
                                  .guidance = {.scale = 2}}},
        ReferenceCase{
            .name = "edm",
            .diffusion = {.schedule = ScheduleKind::kKarras,
                          .prediction = PredictionType::kEdm},
            .sampler = {.kind = SamplerKind::kHeun,
                        .num_steps = 5,
                        .guidance = {.scale = 2, .interval_begin = 0.3}}},
        ReferenceCase{.name = "consistency",
                      .diffusion = {.num_timesteps = 40,
                                    .schedule = ScheduleKind::kKarras,
                                    .prediction = PredictionType::kConsistency},
                      .sampler = {.kind = SamplerKind::kConsistency,
                                  .num_steps = 2,
                                  .grid_points = {0, 22}}}),
    [](const auto& reference) { return reference.param.name; });

// Images of one class bright on the left, of the other on the right.
ImageSet Halves(int count, int size = 16, int channels = 1) {
  ImageSet images;
  images.size = size;
  images.channels = channels;
  images.class_names = {"left", "right"};
  for (int i = 0; i < count; ++i) {
    images.labels.push_back(i % 2);
    for (int p = 0; p < size * size * channels; ++p) {
      const bool right = p / channels % size >= size / 2;
      const int noise = (p * 37 + i * 101) % 40;
      images.pixels.push_back(
          static_cast<uint8_t>((right == (i % 2 == 1) ? 200 : 20) + noise));
    }
  }
  return images;
}

TEST(ClassifierTest, LearnsSavesAndLoads) {
  Classifier::Options options;
  options.epochs = 8;
  options.batch_size = 16;
  const auto classifier = Classifier::Train(Halves(64), options);
  ASSERT_TRUE(classifier.ok()) << classifier.status();
  const ImageSet test = Halves(10);
  EXPECT_EQ(*(*classifier)->Accuracy(test), 1.0);

  const std::string path = testing::TempDir() + "/classifier.safetensors";
  ASSERT_TRUE((*classifier)->Save(path).ok());
  const auto loaded = Classifier::Load(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(*(*loaded)->Classify(test), test.labels);
  ImageSet other = test;
  other.channels = 3;
  EXPECT_THAT(std::string((*loaded)->Classify(other).status().message()),
              HasSubstr("the classifier takes 16x16x1"));
}

TEST(ClassifierTest, TakesColoursAndOtherSizes) {
  const Classifier::Options options = {
      .epochs = 6, .batch_size = 8, .width = 8};
  const auto classifier = Classifier::Train(Halves(32, 64, 3), options);
  ASSERT_TRUE(classifier.ok()) << classifier.status();
  EXPECT_EQ(*(*classifier)->Accuracy(Halves(10, 64, 3)), 1.0);
  const auto features = (*classifier)->Run(Halves(3, 64, 3));
  ASSERT_TRUE(features.ok()) << features.status();
  EXPECT_EQ(features->dimensions, 64);  // 8, 16, 32 and 64 channels.
  // Grey and 32x32.
  const auto other = FeaturesOf(**classifier, Halves(4, 32, 1));
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->count, 4);

  const std::string path = testing::TempDir() + "/colours.safetensors";
  ASSERT_TRUE((*classifier)->Save(path).ok());
  const auto loaded = Classifier::Load(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->id(), (*classifier)->id());
  EXPECT_EQ((*loaded)->class_names(), Halves(1).class_names);
}

// They have three levels from 16 channels on, and tell neither.
TEST(ClassifierTest, ReadsFilesOfBeforeThereWasAChoice) {
  const auto classifier =
      Classifier::Train(Halves(16, 32), {.epochs = 1, .batch_size = 16});
  ASSERT_TRUE(classifier.ok()) << classifier.status();
  const std::string path = testing::TempDir() + "/old.safetensors";
  ASSERT_TRUE((*classifier)->Save(path).ok());
  const auto file = SafetensorsFile::Read(path);
  ASSERT_TRUE(file.ok()) << file.status();
  std::map<std::string, std::string> metadata = file->metadata();
  for (const char* key : {"width", "levels", "class_names"}) {
    ASSERT_EQ(metadata.erase(key), 1u);
  }
  ASSERT_TRUE(WriteSafetensors(path, file->tensors(), metadata).ok());
  const auto loaded = Classifier::Load(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->id(), (*classifier)->id());
  EXPECT_TRUE((*loaded)->class_names().empty());
}

TEST(ClassifierTest, RefusesOtherFiles) {
  const std::string path = testing::TempDir() + "/empty.safetensors";
  ASSERT_TRUE(WriteSafetensors(path, {}).ok());
  EXPECT_THAT(std::string(Classifier::Load(path).status().message()),
              HasSubstr("is not a classifier"));
}

TEST(ContactSheetTest, PutsImagesInRows) {
  const HostImage black{.height = 1, .width = 1, .channels = 1, .pixels = {0}};
  const HostImage white{
      .height = 1, .width = 1, .channels = 1, .pixels = {255}};
  const std::vector<HostImage> images = {black, white, white};
  const HostImage sheet = MakeContactSheet(images, 2, 2);
  EXPECT_EQ(sheet.height, 8);
  EXPECT_EQ(sheet.width, 8);
  const auto at = [&](int y, int x) {
    return static_cast<int>(sheet.pixels[static_cast<size_t>(y * 8 + x)]);
  };
  EXPECT_EQ(at(1, 1), 0);
  EXPECT_EQ(at(2, 6), 255);
  EXPECT_EQ(at(6, 2), 255);
  EXPECT_EQ(at(6, 6), at(0, 0));
}

TEST(DifferenceFromLowerStageTest, IsTheRootMeanSquareAfterReduction) {
  SampleSet samples;
  samples.stages.resize(2);
  samples.stages[0] = {.size = 1,
                       .channels = 1,
                       .class_names = {},
                       .labels = {0, 0},
                       .pixels = {10, 20}};
  samples.stages[1] = {.size = 2,
                       .channels = 1,
                       .class_names = {},
                       .labels = {0, 0},
                       .pixels = {10, 20, 10, 20, 20, 20, 20, 20}};
  const std::vector<double> differences = DifferenceFromLowerStage(samples);
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_NEAR(differences[0], std::sqrt(25.0 / 2), 1e-9);
}

}  // namespace
}  // namespace cascade
