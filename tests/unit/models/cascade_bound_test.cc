#include "models/evaluation/cascade_bound.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "models/nn/unet.h"
#include "models/sampling/noise_schedule.h"
#include "models/sha256.h"
#include "models/weights/module_weights.h"
#include "tests/unit/models/tiny_cascade.h"

namespace cascade {
namespace {

using testing::HasSubstr;

constexpr int kTimesteps = 40;

// 8x8 to 16x16, whose networks say x_0 = 0, as fresh ones do.
std::string SilentPackage(const std::string& name,
                          int augmentation_timesteps = kTimesteps) {
  CascadeManifest manifest;
  manifest.name = name;
  for (int i = 0; i < 10; ++i)
    manifest.class_names.push_back("c" + std::to_string(i));
  manifest.stages = {TinyBase(), TinySuperResolution()};
  const std::string folder = testing::TempDir() + "/" + name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  for (StageManifest& stage : manifest.stages) {
    stage.spec.diffusion = {.num_timesteps = kTimesteps,
                            .schedule = ScheduleKind::kLinear,
                            .prediction = PredictionType::kSample};
    stage.spec.default_sampler.num_steps = 2;
    stage.spec.augmentation.schedule = ScheduleKind::kLinear;
    stage.spec.augmentation.num_timesteps = augmentation_timesteps;
    stage.spec.augmentation.max_level = 0.9;
    stage.spec.augmentation.default_level = 0.3;
    stage.network.out_channels = 1;
    stage.weights_file = stage.spec.name + ".safetensors";
    const std::string path = folder + "/" + stage.weights_file;
    EXPECT_TRUE(SaveModuleWeights(path, nn::UNet(stage.network)).ok());
    stage.spec.weights_sha256 = Sha256Hex(ReadWholeFile(path).value());
  }
  EXPECT_TRUE(WriteManifest(folder, manifest).ok());
  return folder;
}

// 16x16 images of two of the classes: pixels that differ from one to the next.
ImageSet Images(int count) {
  ImageSet set{.size = 16,
               .channels = 1,
               .class_names = {"c3", "c7"},
               .labels = {},
               .pixels = {}};
  for (int i = 0; i < count; ++i) {
    set.labels.push_back(i % 2);
    for (int p = 0; p < 256; ++p) {
      set.pixels.push_back(
          static_cast<uint8_t>(60 + (p * (i + 3) + 17 * (p / 16)) % 130));
    }
  }
  return set;
}

// The sum of squares of image `i` reduced to 8x8 and rounded to 8 bits.
double ReducedSquares(const ImageSet& set, size_t i) {
  double sum = 0;
  for (size_t y = 0; y < 8; ++y) {
    for (size_t x = 0; x < 8; ++x) {
      const size_t at = i * 256 + 2 * y * 16 + 2 * x;
      const double mean = (set.pixels[at] + set.pixels[at + 1] +
                           set.pixels[at + 16] + set.pixels[at + 17]) /
                          4.0;
      const double value = std::nearbyint(mean) / 127.5 - 1;
      sum += value * value;
    }
  }
  return sum;
}

double Squares(const ImageSet& set, size_t i) {
  double sum = 0;
  for (size_t p = 0; p < 256; ++p) {
    const double value = set.pixels[i * 256 + p] / 127.5 - 1;
    sum += value * value;
  }
  return sum;
}

double Prior(const NoiseSchedule& schedule, double squares, int values) {
  const double a = schedule.alpha_bar(kTimesteps - 1);
  return 0.5 * (a * squares + values * (1 - a - 1 - std::log(1 - a)));
}

// Of a network that says 0: each divergence is that of two means.
double Steps(const NoiseSchedule& schedule, double squares, int first) {
  double sum = 0;
  for (int t = std::max(first, 1); t < kTimesteps; ++t) {
    const double weight = schedule.PosteriorX0Weight(t);
    sum += 0.5 * weight * weight * squares / schedule.PosteriorVariance(t);
  }
  return sum;
}

BoundOptions WholeCascade() {
  BoundOptions options;
  options.kind = BoundKind::kNonTruncated;
  return options;
}

BoundOptions EachStage() {
  BoundOptions options;
  options.kind = BoundKind::kStages;
  return options;
}

class CascadeBoundTest : public testing::Test {
 protected:
  CascadeBoundTest() { at::set_num_threads(1); }

  static BoundReport ReportOf(const std::string& package, BoundOptions options,
                              const ImageSet& images) {
    auto bound = CascadeBound::Create(package, options);
    EXPECT_TRUE(bound.ok()) << bound.status();
    std::vector<int64_t> numbers;
    for (int64_t i = 0; i < images.count(); ++i) numbers.push_back(i);
    const absl::Status status = (*bound)->Add(images, numbers);
    EXPECT_TRUE(status.ok()) << status;
    return (*bound)->report();
  }
};

TEST_F(CascadeBoundTest, ATruncatedCascadeHasTheTermsOfTheEquation) {
  const ImageSet images = Images(3);
  const BoundReport report =
      ReportOf(SilentPackage("silent_truncated"),
               {.augmentation_levels = {0, 0.4}}, images);
  const NoiseSchedule schedule(ScheduleKind::kLinear, kTimesteps);
  MeanAndError base_prior, base_steps, top_prior, top_steps;
  for (size_t i = 0; i < 3; ++i) {
    base_prior.Add(Prior(schedule, ReducedSquares(images, i), 64));
    base_steps.Add(Steps(schedule, ReducedSquares(images, i), 16));
    top_prior.Add(Prior(schedule, Squares(images, i), 256));
    top_steps.Add(Steps(schedule, Squares(images, i), 0));
  }
  EXPECT_EQ(report.images, 3);
  const StageBoundReport& base = report.stages[0];
  EXPECT_EQ(base.first_timestep, 16);  // Index 0.4 T.
  EXPECT_GT(base_prior.mean, 1e-6);
  EXPECT_NEAR(base.prior.mean, base_prior.mean, 1e-6 * base_prior.mean);
  EXPECT_NEAR(base.steps.mean, base_steps.mean, 1e-9 * base_steps.mean);
  EXPECT_EQ(base.decoder.mean, 0);
  EXPECT_NEAR(base.steps.StandardError(), base_steps.StandardError(), 1e-9);
  const StageBoundReport& top = report.stages[1];
  EXPECT_EQ(top.augmentation_index, 16);
  EXPECT_EQ(top.first_timestep, 0);
  EXPECT_NEAR(top.prior.mean, top_prior.mean, 1e-6 * top_prior.mean);
  EXPECT_NEAR(top.steps.mean, top_steps.mean, 1e-9 * top_steps.mean);
  EXPECT_GT(top.decoder.mean, 0);
  EXPECT_NEAR(report.total.mean, base.total.mean + top.total.mean,
              1e-9 * report.total.mean);
  // Each timestep was evaluated once an image.
  for (int t = 0; t < kTimesteps; ++t) {
    const auto i = static_cast<size_t>(t);
    EXPECT_EQ(base.timestep_evaluations[i], t < 16 ? 0 : 3);
    EXPECT_EQ(top.timestep_evaluations[i], 3);
  }
}

TEST_F(CascadeBoundTest, ACascadeThatIsNotTruncatedHasAllTerms) {
  const ImageSet images = Images(2);
  const std::string package = SilentPackage("silent_whole", 7);
  const BoundReport whole = ReportOf(package, WholeCascade(), images);
  EXPECT_EQ(whole.stages[0].first_timestep, 0);
  EXPECT_GT(whole.stages[0].decoder.mean, 0);
  EXPECT_EQ(whole.stages[1].augmentation_level, 0.3);  // The package's.
  const BoundReport stages = ReportOf(package, EachStage(), images);
  EXPECT_EQ(stages.total.count, 0);
  EXPECT_EQ(stages.stages[0].total.mean, whole.stages[0].total.mean);
  EXPECT_EQ(stages.stages[1].total.mean, whole.stages[1].total.mean);
}

// Networks with random weights see the class and the noised input.
TEST_F(CascadeBoundTest, ReadsClassesAndInputs) {
  const std::string package =
      WritePackage("bound_random", {TinyBase(), TinySuperResolution()});
  ImageSet images = Images(2);
  images.class_names = {"class 3", "class 7"};
  BoundOptions options;
  options.timesteps_per_image = 4;
  const BoundReport report = ReportOf(package, options, images);
  ImageSet relabelled = images;
  relabelled.class_names = {"class 3", "class 8"};
  const BoundReport other_class = ReportOf(package, options, relabelled);
  EXPECT_NE(report.stages[0].steps.mean, other_class.stages[0].steps.mean);
  EXPECT_NE(report.stages[1].steps.mean, other_class.stages[1].steps.mean);
  BoundOptions noisier = options;
  noisier.augmentation_levels = {0, 0.7};
  const BoundReport other_level = ReportOf(package, noisier, images);
  EXPECT_NE(report.stages[1].steps.mean, other_level.stages[1].steps.mean);
}

TEST_F(CascadeBoundTest, GoesOnWhereItStopped) {
  const std::string package =
      WritePackage("bound_resumed", {TinyBase(), TinySuperResolution()});
  ImageSet images = Images(5);
  images.class_names = {"class 3", "class 7"};
  BoundOptions options;
  options.timesteps_per_image = 3;
  const BoundReport whole = ReportOf(package, options, images);

  auto first = CascadeBound::Create(package, options);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE((*first)->Add(images, std::vector<int64_t>{0, 1}).ok());
  auto second = CascadeBound::Create(package, options);
  ASSERT_TRUE(second.ok());
  ASSERT_TRUE((*second)->Restore((*first)->report()).ok());
  ASSERT_TRUE((*second)->Add(images, std::vector<int64_t>{2, 3, 4}).ok());
  const BoundReport& report = (*second)->report();
  EXPECT_EQ(report.images, 5);
  EXPECT_NEAR(report.total.mean, whole.total.mean, 1e-6 * whole.total.mean);
  EXPECT_NEAR(report.total.StandardError(), whole.total.StandardError(),
              1e-6 * whole.total.StandardError());
  EXPECT_EQ(report.stages[1].timestep_evaluations,
            whole.stages[1].timestep_evaluations);

  BoundReport other = report;
  other.stages.pop_back();
  EXPECT_EQ((*second)->Restore(other).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CascadeBoundTest, SaysWhatCannotBeBounded) {
  const auto error = [](const std::string& package, BoundOptions options) {
    return std::string(
        CascadeBound::Create(package, options).status().message());
  };
  const std::string package = SilentPackage("silent_other", 7);
  EXPECT_THAT(error(package, {}),
              HasSubstr("is not the process of stage 0 (8x8)"));
  // A clean hand-over stops nowhere.
  EXPECT_EQ(error(package, {.augmentation_levels = {0, 0}}), "");
  EXPECT_THAT(error(package, {.augmentation_levels = {0, 0.95}}),
              HasSubstr("the augmentation level of stage 16x16 must be in "
                        "0..0.9, is 0.95"));
  EXPECT_THAT(error(package, {.augmentation_levels = {0.1}}),
              HasSubstr("1 for 2 stages"));
  EXPECT_THAT(error("/nowhere", {}), HasSubstr("/nowhere"));

  StageManifest karras = TinyUnconditional();
  karras.spec.diffusion = {.schedule = ScheduleKind::kKarras,
                           .prediction = PredictionType::kEdm};
  EXPECT_THAT(error(WritePackage("bound_karras", {karras}), {}),
              HasSubstr("stage 8x8 has a karras schedule"));

  auto bound = CascadeBound::Create(package, {.augmentation_levels = {0, 0}});
  ASSERT_TRUE(bound.ok());
  ImageSet images = Images(1);
  images.class_names[0] = "c10";
  EXPECT_THAT(std::string((*bound)->Add(images, {}).message()),
              HasSubstr("a class \"c10\", which the cascade has not"));
  images = Images(1);
  images.size = 8;
  EXPECT_THAT(std::string((*bound)->Add(images, {}).message()),
              HasSubstr("the images are 8x8"));
}

TEST(BoundOrderTest, IsAPermutationOfTheSeed) {
  std::vector<int64_t> order = BoundOrder(50, 1);
  EXPECT_EQ(BoundOrder(50, 1), order);
  EXPECT_NE(BoundOrder(50, 2), order);
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < 50; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

}  // namespace
}  // namespace cascade
