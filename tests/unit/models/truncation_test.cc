#include "models/truncation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/cascade_model.h"
#include "models/evaluation/cascade_sampler.h"
#include "models/host_stage_output.h"
#include "models/nn/resample.h"
#include "models/runtime/step_update.h"
#include "models/sampling/augmentation.h"
#include "models/training/reference_sampler.h"
#include "models/weights/module_weights.h"
#include "tests/unit/models/driven_executor.h"
#include "tests/unit/models/random_unet.h"
#include "tests/unit/models/scripted_network.h"
#include "tests/unit/models/tiny_cascade.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;

ImagePlan StoppedPlan(const StageSpec& spec, const SamplerOptions& options,
                      uint64_t seed, int stop) {
  ImagePlan plan = Plan(spec, options, seed);
  plan.table = std::make_shared<SamplerTable>(
      CompileSampler(spec.diffusion, options, stop).value());
  return plan;
}

TEST(TruncationTest, NeedsTheSameProcess) {
  StageSpec lower = TinyBase().spec;
  StageSpec upper = TinySuperResolution().spec;
  EXPECT_TRUE(CheckTruncation(lower, {}, upper).ok());
  upper.augmentation.num_timesteps = 500;
  EXPECT_THAT(std::string(CheckTruncation(lower, {}, upper).message()),
              HasSubstr("(cosine, 500 timesteps) is not the process of stage 0 "
                        "(8x8) (cosine, 1000 timesteps)"));
  lower.diffusion.num_timesteps = 500;
  EXPECT_TRUE(CheckTruncation(lower, {}, upper).ok());
  lower.diffusion.schedule = ScheduleKind::kLinear;
  EXPECT_FALSE(CheckTruncation(lower, {}, upper).ok());
  upper.augmentation.enabled = false;
  EXPECT_THAT(std::string(CheckTruncation(lower, {}, upper).message()),
              HasSubstr("was not trained with conditioning augmentation"));
}

TEST(TruncationTest, NeedsTheScheduleThatTheLowerStageWasTrainedWith) {
  const StageSpec lower = TinyBase().spec;
  const StageSpec upper = TinySuperResolution().spec;
  SamplerOptions sampler = lower.default_sampler;
  EXPECT_TRUE(CheckTruncation(lower, sampler, upper).ok());
  sampler.schedule = {.num_timesteps = 100};
  EXPECT_EQ(std::string(CheckTruncation(lower, sampler, upper).message()),
            "stage 0 (8x8) is to run another schedule than it was trained "
            "with");
}

TEST(TruncationTest, TheLevelOfAnIndexIsNeverAboveTheLargest) {
  StageSpec upper = TinySuperResolution().spec;
  upper.augmentation.max_level = 0.3336;
  const int last = AugmentationIndex(1000, 0.3336);
  EXPECT_EQ(last, 334);
  EXPECT_EQ(LevelOfIndex(upper, last), 0.3336);
  EXPECT_EQ(LevelOfIndex(upper, 333), 0.333);
  for (int index = 0; index <= last; ++index) {
    EXPECT_EQ(AugmentationIndex(1000, LevelOfIndex(upper, index)), index);
  }
}

TEST(TruncationTest, StopsAtTheTimestepOfTheIndex) {
  const StageSpec upper = TinySuperResolution().spec;
  EXPECT_EQ(TruncationTimestep(upper, 0), std::nullopt);
  EXPECT_EQ(TruncationTimestep(upper, 0.0004), std::nullopt);
  EXPECT_EQ(TruncationTimestep(upper, 0.001), 0);
  EXPECT_EQ(TruncationTimestep(upper, 0.25), 249);
  EXPECT_EQ(TruncationTimestep(upper, 1), 999);
}

TEST(TruncationTest, AStoppedStageHandsNoiseOverAndShowsItsEstimate) {
  const StageSpec spec = TinyUnconditional().spec;
  const auto executor = MakeExecutor(
      spec, std::make_shared<ScriptedNetwork>(spec), Limits({1}, 1));
  const ImagePlan plan =
      StoppedPlan(spec, Options(SamplerKind::kDdim, 8), 3, 300);
  const Slot slot = executor->Admit({&plan, 1}).value()[0];
  RunLines(*executor, slot, plan.table->lines.size() - 1);
  const StepOutcome outcome =
      RunStep(*executor, {{.slot = slot, .wants_pixels = true}}).value();
  const auto output = executor->Export(slot).value();
  EXPECT_EQ(output->noise_index(), 301);
  EXPECT_EQ(output->ToHost().value(), executor->X(slot).value());
  const std::vector<float> estimate = executor->X0Estimate(slot).value();
  EXPECT_NE(estimate, executor->X(slot).value());
  std::vector<uint8_t> pixels(estimate.size());
  ToPixels(estimate.data(), 3, 64, pixels);
  EXPECT_EQ(outcome.rows[0].pixels->pixels, pixels);
}

TEST(TruncationTest, StoppedImagesHaveTheSameBytesInABatch) {
  const StageManifest stage = TinyBase();
  const auto executor = MakeExecutor(
      stage.spec, ServeModules(RandomUNet(stage.network, 1), at::kCPU),
      Limits({1, 2, 3, 4, 5, 6, 7, 8}, 6));
  std::vector<ImagePlan> plans;
  for (uint64_t i = 0; i < 6; ++i) {
    plans.push_back(StoppedPlan(stage.spec,
                                Options(static_cast<SamplerKind>(i % 3), 6),
                                40 + i, 100 + 50 * static_cast<int>(i / 3)));
  }
  const auto alone = Alone(*executor, plans);
  const std::vector<Slot> slots = executor->Admit(plans).value();
  for (size_t line = 0;; ++line) {
    std::vector<StepRow> rows;
    for (size_t i = 0; i < plans.size(); ++i) {
      if (line < plans[i].table->lines.size()) rows.push_back({slots[i]});
    }
    if (rows.empty()) break;
    ASSERT_TRUE(RunStep(*executor, rows).ok());
  }
  for (size_t i = 0; i < plans.size(); ++i) {
    EXPECT_EQ(Finished(*executor, slots[i]), alone[i]) << i;
  }
}

// What the upper stage's network is shown.
class ConditioningTest : public testing::Test {
 protected:
  nn::UNetInput Shown(const StageSpec& spec, const ImagePlan& plan) {
    network_ = std::make_shared<ScriptedNetwork>(spec);
    const auto executor = MakeExecutor(spec, network_, Limits({1}, 1));
    const Slot slot = executor->Admit({&plan, 1}).value()[0];
    EXPECT_TRUE(RunStep(*executor, {{.slot = slot}}).ok());
    return network_->inputs[0];
  }

  // A low-resolution image with this noise in it, and a plan over it.
  ImagePlan PlanOver(const StageSpec& spec, int noise_index, double level,
                     float scale = 1) {
    values_.resize(64);
    FillNormal({.seed = 9}, values_);
    for (float& value : values_) value *= scale;
    ImagePlan plan = Plan(spec, Options(SamplerKind::kDdim, 3), 3);
    plan.input = std::make_shared<HostStageOutput>(1, 8, values_, noise_index);
    plan.augmentation_level = level;
    return plan;
  }

  at::Tensor Input() {
    return at::from_blob(values_.data(), {1, 1, 8, 8}, at::kFloat).clone();
  }

  at::Tensor AugmentationNoise() {
    std::vector<float> noise(64);
    FillNormal({.seed = 3, .stage = 1, .purpose = NoisePurpose::kAugmentation},
               noise);
    return at::from_blob(noise.data(), {1, 1, 8, 8}, at::kFloat).clone();
  }

  std::vector<float> values_;
  std::shared_ptr<ScriptedNetwork> network_;
};

TEST_F(ConditioningTest, NoiseThatIsThereIsNotAddedAgain) {
  const StageSpec spec = TinySuperResolution().spec;
  const nn::UNetInput input = Shown(spec, PlanOver(spec, 250, 0.25));
  EXPECT_EQ(input.augmentation.item<float>(), 250);
  EXPECT_TRUE(input.low_res.equal(nn::EnlargeLowResolution(Input(), 16)));
}

// q(z_to | z_from) of the forward process.
TEST_F(ConditioningTest, MissingNoiseIsAdded) {
  const StageSpec spec = TinySuperResolution().spec;
  const nn::UNetInput input = Shown(spec, PlanOver(spec, 250, 0.4));
  EXPECT_EQ(input.augmentation.item<float>(), 400);
  const NoiseSchedule schedule(ScheduleKind::kCosine, 1000);
  double product = 1;
  for (int t = 250; t < 400; ++t) product *= 1 - schedule.beta(t);
  const at::Tensor expected = Input() * std::sqrt(product) +
                              AugmentationNoise() * std::sqrt(1 - product);
  EXPECT_TRUE(input.low_res.allclose(nn::EnlargeLowResolution(expected, 16),
                                     1e-5, 1e-6));
}

TEST_F(ConditioningTest, NoiseIsNotTakenOut) {
  const StageSpec spec = TinySuperResolution().spec;
  const auto executor = MakeExecutor(
      spec, std::make_shared<ScriptedNetwork>(spec), Limits({1}, 1));
  const ImagePlan plan = PlanOver(spec, 250, 0.1);
  EXPECT_THAT(std::string(executor->Admit({&plan, 1}).status().message()),
              HasSubstr("augmentation_level = 0.1 (index 100) is below the "
                        "noise in the input (index 250)"));
}

TEST_F(ConditioningTest, HandoverOfEightBitsIsRoundedAsThePackageSays) {
  StageSpec spec = TinySuperResolution().spec;
  const auto shown = [&](Handover handover) {
    spec.handover = handover;
    return Shown(spec, PlanOver(spec, 0, 0, 0.7f)).low_res;
  };
  const at::Tensor unchanged = shown(Handover::kFloat);
  const at::Tensor exact = ((Input() + 1) * 127.5).clamp(0, 255);
  for (const auto& [handover, whole] :
       {std::pair(Handover::kUint8, exact.round()),
        std::pair(Handover::kUint8Truncated, exact.floor())}) {
    const at::Tensor low_res = shown(handover);
    EXPECT_TRUE(low_res.equal(nn::EnlargeLowResolution(whole / 127.5 - 1, 16)));
    EXPECT_FALSE(low_res.equal(unchanged));
  }
  EXPECT_FALSE(exact.round().equal(exact.floor()));
}

TEST_F(ConditioningTest, TheInputIsEnlargedAsThePackageSays) {
  StageSpec spec = TinySuperResolution().spec;
  spec.upsampling = LowResolutionUpsampling::kBicubic;
  const at::Tensor low_res = Shown(spec, PlanOver(spec, 0, 0)).low_res;
  // Bicubic weights at a quarter between pixels, a = -0.75, by hand.
  const auto pixel = [&](int64_t row, int64_t column) {
    return Input()[0][0][row][column].item<double>();
  };
  const double weights[] = {-0.10546875, 0.87890625, 0.26171875, -0.03515625};
  double expected = 0;
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      expected += weights[i] * weights[j] * pixel(2 + i, 2 + j);
    }
  }
  EXPECT_NEAR(low_res[0][0][7][7].item<double>(), expected, 1e-5);
}

// A truncated cascade against plain loops over the same networks.
TEST(TruncatedCascadeTest, AgreesWithAHandWrittenLoop) {
  constexpr double kLevel = 0.3;
  const std::string folder =
      WritePackage("truncated", {TinyBase(), TinySuperResolution()});
  const auto model = LoadCascade(folder, {});
  ASSERT_TRUE(model.ok()) << model.status();
  std::vector<StageSampling> stages =
      CascadeSampler::Defaults((*model)->spec());
  stages[0].sampler.kind = SamplerKind::kDdpm;
  // The reference's quantile is at::quantile.
  stages[1].sampler.threshold = {ThresholdKind::kDynamic, 0.8};
  stages[1].augmentation_level = kLevel;
  stages[1].augmentation_mode = AugmentationMode::kTruncated;
  const auto sampler = CascadeSampler::Create(**model, stages);
  ASSERT_TRUE(sampler.ok()) << sampler.status();
  const std::vector<std::optional<int>> class_ids = {3, 4};
  const auto served = (*sampler)->Sample(50, class_ids);
  ASSERT_TRUE(served.ok()) << served.status();

  const auto manifest = ReadManifest(folder);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  const auto network = [&](size_t index) {
    const StageManifest& stage = manifest->stages[index];
    auto unet = std::make_unique<nn::UNet>(stage.network);
    EXPECT_TRUE(
        LoadModuleWeights(*ReadStageWeights(folder, stage), *unet).ok());
    unet->eval();
    return unet;
  };
  ReferenceSample base;
  base.input.class_id = at::arange(3, 5);
  base.key.seed = 50;
  const auto lower = network(0);
  const at::Tensor noisy = RunSampler(
      *lower,
      *CompileSampler(manifest->stages[0].spec.diffusion, stages[0].sampler,
                      /*stop_timestep=*/299),
      {2, 1, 8, 8}, base);
  ReferenceSample large = base;
  large.key.stage = 1;
  large.input.low_res = nn::EnlargeLowResolution(noisy, 16);
  large.input.augmentation = at::full({2}, 300, at::kFloat);
  const auto upper = network(1);
  const at::Tensor images = RunSampler(
      *upper,
      *CompileSampler(manifest->stages[1].spec.diffusion, stages[1].sampler),
      {2, 1, 16, 16}, large);
  const at::Tensor bytes = ((images + 1) * 127.5).clamp(0, 255);
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t p = 0; p < 256; ++p) {
      EXPECT_NEAR(bytes[i].flatten()[p].item<double>(),
                  (*served)[static_cast<size_t>(i)]
                      .pixels[1]
                      .pixels[static_cast<size_t>(p)],
                  1.0);
    }
  }
}

TEST(TruncatedCascadeTest, RefusesWhatCannotBeTruncated) {
  StageManifest upper = TinySuperResolution();
  upper.spec.augmentation.schedule = ScheduleKind::kLinear;
  const auto model =
      LoadCascade(WritePackage("unlike", {TinyBase(), upper}), {});
  ASSERT_TRUE(model.ok()) << model.status();
  std::vector<StageSampling> stages =
      CascadeSampler::Defaults((*model)->spec());
  stages[1].augmentation_level = 0.3;
  stages[1].augmentation_mode = AugmentationMode::kTruncated;
  EXPECT_THAT(
      std::string(CascadeSampler::Create(**model, stages).status().message()),
      HasSubstr("is not the process of stage 0 (8x8)"));
  // A package that would truncate by default is not one.
  upper.spec.augmentation.default_mode = AugmentationMode::kTruncated;
  EXPECT_THAT(
      std::string(LoadCascade(WritePackage("unlike", {TinyBase(), upper}), {})
                      .status()
                      .message()),
      HasSubstr("stages[1].conditioning_augmentation.mode must not be "
                "truncated"));
}

}  // namespace
}  // namespace cascade
