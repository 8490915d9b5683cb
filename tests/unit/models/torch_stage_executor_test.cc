#include "models/runtime/torch_stage_executor.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "models/nn/resample.h"
#include "models/runtime/batch_probe.h"
#include "models/runtime/step_update.h"
#include "models/runtime/torch_stage_output.h"
#include "models/sampling/augmentation.h"
#include "models/sampling/counter_noise.h"
#include "tests/unit/models/driven_executor.h"
#include "tests/unit/models/random_unet.h"
#include "tests/unit/models/scripted_network.h"
#include "tests/unit/models/tiny_cascade.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<int64_t> Classes(const nn::UNetInput& input) {
  const int64_t* values = input.class_id.const_data_ptr<int64_t>();
  return {values, values + input.class_id.numel()};
}

// All of `plans` together, in batches of random images in random order.
std::vector<std::vector<float>> InRandomBatches(
    StageExecutor& executor, const std::vector<ImagePlan>& plans) {
  const std::vector<Slot> slots = executor.Admit(plans).value();
  std::vector<size_t> left;
  for (const ImagePlan& plan : plans) left.push_back(plan.table->lines.size());
  std::mt19937 random(1);
  std::vector<size_t> order(plans.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const int max_rows = executor.limits().batch_rows.back();
  while (true) {
    std::shuffle(order.begin(), order.end(), random);
    const int wanted = 1 + static_cast<int>(random() % 16);
    std::vector<StepRow> rows;
    int network_rows = 0;
    for (size_t i : order) {
      if (left[i] == 0 || static_cast<int>(rows.size()) == wanted) continue;
      const size_t line = plans[i].table->lines.size() - left[i];
      const int more = RowsOf(plans[i].table->lines[line]);
      if (network_rows + more > max_rows) continue;
      network_rows += more;
      rows.push_back({.slot = slots[i]});
      --left[i];
    }
    if (rows.empty()) break;
    EXPECT_TRUE(RunStep(executor, rows).ok());
  }
  std::vector<std::vector<float>> images;
  for (Slot slot : slots) images.push_back(Finished(executor, slot));
  executor.Release(slots);
  return images;
}

class SameBytesTest : public testing::TestWithParam<StageManifest> {};

TEST_P(SameBytesTest, AloneAndInAnyBatch) {
  const StageSpec& spec = GetParam().spec;
  std::shared_ptr<const StageNetwork> network =
      ServeModules(RandomUNet(GetParam().network, 1), at::kCPU);
  at::set_num_threads(1);
  const BatchProbe probe = ProbeBatches(
      *network, spec, 20, Reproducibility::kExact, absl::InfiniteDuration());
  auto executor = MakeExecutor(spec, network, Limits(probe.rows, 24));
  const std::vector<ImagePlan> plans = MixedPlans(spec, 24);
  const auto alone = Alone(*executor, plans);
  EXPECT_EQ(InRandomBatches(*executor, plans), alone);
  for (const std::vector<float>& image : alone) {
    for (float value : image) ASSERT_LE(std::abs(value), 1);
  }
  EXPECT_NE(alone[0], alone[3]);
}

INSTANTIATE_TEST_SUITE_P(Stages, SameBytesTest,
                         testing::Values(TinyBase(), TinySuperResolution(),
                                         TinyUnconditional()),
                         [](const auto& stage) {
                           const StageSpec& spec = stage.param.spec;
                           return spec.low_resolution > 0 ? "SuperResolution"
                                  : spec.num_classes > 0  ? "Base"
                                                          : "Unconditional";
                         });

TEST(BatchProbeTest, EverySizeOfTheTinyNetworksIsExact) {
  at::set_num_threads(1);
  for (const StageManifest& stage :
       {TinyBase(), TinySuperResolution(), TinyUnconditional()}) {
    const auto network = ServeModules(RandomUNet(stage.network, 1), at::kCPU);
    const BatchProbe probe =
        ProbeBatches(*network, stage.spec, 8, Reproducibility::kExact,
                     absl::InfiniteDuration());
    EXPECT_THAT(probe.rows, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
    ASSERT_FALSE(probe.costs.empty());
    EXPECT_EQ(probe.costs.front().rows, 1);
    EXPECT_GT(probe.costs.front().step_seconds, 0);
  }
}

TEST(BatchProbeTest, LeavesOutSizesThatChangeBits) {
  const StageSpec spec = TinyUnconditional().spec;
  ScriptedNetwork network(spec);
  network.on_run = [](const nn::UNetInput& input, at::Tensor& output) {
    if (input.x.size(0) == 3) output.select(0, 2).add_(1e-6);
  };
  EXPECT_THAT(ProbeBatches(network, spec, 5, Reproducibility::kExact,
                           absl::InfiniteDuration())
                  .rows,
              ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(ProbeBatches(network, spec, 5, Reproducibility::kFast,
                           absl::InfiniteDuration())
                  .rows,
              ElementsAre(1, 2, 3, 4, 5));
}

// However slow the network is: a guided image takes two rows.
TEST(BatchProbeTest, OneAndTwoRowsAreAlwaysTried) {
  ScriptedNetwork network(TinyBase().spec);
  EXPECT_THAT(ProbeBatches(network, TinyBase().spec, 8, Reproducibility::kExact,
                           absl::ZeroDuration())
                  .rows,
              ElementsAre(1, 2));
}

// The executor over a network that answers a tenth of x.
class TorchStageExecutorTest : public testing::Test {
 protected:
  void Use(const StageSpec& spec, std::vector<int> batch_rows = {1, 2, 3, 4},
           int slots = 4) {
    network_ = std::make_shared<ScriptedNetwork>(spec);
    executor_ = MakeExecutor(spec, network_, Limits(batch_rows, slots));
  }
  const StageSpec& spec() const { return executor_->spec(); }

  Slot AdmitOne(const ImagePlan& plan) {
    return executor_->Admit({&plan, 1}).value()[0];
  }
  absl::Status AdmitError(const ImagePlan& plan) {
    return executor_->Admit({&plan, 1}).status();
  }

  std::shared_ptr<ScriptedNetwork> network_;
  std::unique_ptr<TorchStageExecutor> executor_;
};

TEST_F(TorchStageExecutorTest, SplitsTheRowsIntoExactSizes) {
  Use(TinyUnconditional().spec, {1, 2, 5}, 8);
  std::vector<ImagePlan> plans;
  for (uint64_t i = 0; i < 4; ++i) {
    plans.push_back(Plan(spec(), Options(SamplerKind::kDdim, 3), i));
  }
  const auto alone = Alone(*executor_, plans);
  const std::vector<Slot> slots = executor_->Admit(plans).value();
  network_->inputs.clear();
  std::vector<StepRow> rows;
  for (Slot slot : slots) rows.push_back({.slot = slot});
  for (int line = 0; line < 3; ++line) {
    ASSERT_TRUE(RunStep(*executor_, rows).ok());
  }
  EXPECT_EQ(network_->inputs[0].x.size(0), 2);
  EXPECT_EQ(network_->inputs[1].x.size(0), 2);
  for (size_t i = 0; i < slots.size(); ++i) {
    EXPECT_EQ(Finished(*executor_, slots[i]), alone[i]);
  }
}

TEST_F(TorchStageExecutorTest, GuidedImageTakesARowOfTheNullClass) {
  Use(TinyBase().spec);
  ImagePlan plan = Plan(spec(), Options(SamplerKind::kDdim, 5, 2), 3);
  plan.class_id = 7;
  ImagePlan unconditional = Plan(spec(), Options(SamplerKind::kDdim, 5), 4);
  unconditional.class_id.reset();
  const Slot guided_slot = AdmitOne(plan);
  const Slot null_slot = AdmitOne(unconditional);
  ASSERT_TRUE(
      RunStep(*executor_, {{.slot = guided_slot}, {.slot = null_slot}}).ok());
  ASSERT_EQ(network_->inputs.size(), 1u);
  EXPECT_THAT(Classes(network_->inputs[0]), ElementsAre(7, 10, 10));
}

TEST_F(TorchStageExecutorTest, TheNetworkIsToldTheAugmentation) {
  Use(TinySuperResolution().spec);
  ImagePlan plan = Plan(spec(), Options(SamplerKind::kDdim, 5), 3);
  plan.augmentation_level = 0.25;
  ASSERT_TRUE(RunStep(*executor_, {{.slot = AdmitOne(plan)}}).ok());
  const nn::UNetInput& input = network_->inputs[0];
  EXPECT_EQ(input.augmentation.item<float>(), 250);

  const AugmentationPoint point =
      AugmentationAtLevel(NoiseSchedule(spec().augmentation.schedule,
                                        spec().augmentation.num_timesteps),
                          0.25);
  std::vector<float> noise(64);
  FillNormal({.seed = 3, .stage = 1, .purpose = NoisePurpose::kAugmentation},
             noise);
  const at::Tensor low_res =
      ImageOf(*plan.input, at::kCPU) * point.signal +
      at::from_blob(noise.data(), {1, 8, 8}, at::kFloat) * point.noise;
  EXPECT_TRUE(input.low_res.allclose(
      nn::EnlargeLowResolution(low_res.unsqueeze(0), 16)));
}

TEST_F(TorchStageExecutorTest, FailedStepChangesNothingAndCanBeRepeated) {
  Use(TinyUnconditional().spec);
  const ImagePlan plan =
      Plan(spec(), Options(SamplerKind::kDpmSolverPlusPlus2M, 6), 3);
  const std::vector<float> expected = Alone(*executor_, {plan})[0];
  const Slot slot = AdmitOne(plan);
  int calls = 0;
  network_->on_run = [&](const nn::UNetInput&, at::Tensor&) {
    ++calls;
    if (calls % 3 == 1) TORCH_CHECK(false, "scripted failure");
    if (calls % 3 == 2) {
      C10_THROW_ERROR(OutOfMemoryError, "scripted lack of memory");
    }
  };
  for (size_t line = 0; line < plan.table->lines.size(); ++line) {
    const std::vector<float> before = executor_->X(slot).value();
    const absl::Status failure = RunStep(*executor_, {{.slot = slot}}).status();
    EXPECT_EQ(failure.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(failure.message()), HasSubstr("scripted failure"));
    EXPECT_EQ(RunStep(*executor_, {{.slot = slot}}).status().code(),
              absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(executor_->X(slot).value(), before);
    ASSERT_TRUE(RunStep(*executor_, {{.slot = slot}}).ok());
  }
  EXPECT_EQ(Finished(*executor_, slot), expected);
}

TEST_F(TorchStageExecutorTest, NotFiniteImageFailsAlone) {
  Use(TinyBase().spec);
  const ImagePlan good = Plan(spec(), Options(SamplerKind::kDdim, 2), 4);
  const ImagePlan bad = Plan(spec(), Options(SamplerKind::kDdim, 2), 5);
  const std::vector<float> expected = Alone(*executor_, {good})[0];
  network_->on_run = [](const nn::UNetInput& input, at::Tensor& output) {
    for (int64_t i = 0; i < output.size(0); ++i) {
      if (input.class_id.select(0, i).item<int64_t>() != 5) continue;
      output.select(0, i).fill_(std::numeric_limits<float>::quiet_NaN());
    }
  };
  const Slot good_slot = AdmitOne(good);
  const Slot bad_slot = AdmitOne(bad);
  const StepOutcome outcome =
      RunStep(*executor_, {{.slot = bad_slot, .wants_pixels = true},
                           {.slot = good_slot, .wants_pixels = true}})
          .value();
  EXPECT_FALSE(outcome.rows[0].finite);
  EXPECT_FALSE(outcome.rows[0].pixels.has_value());
  EXPECT_TRUE(outcome.rows[1].finite);
  EXPECT_TRUE(outcome.rows[1].pixels.has_value());
  ASSERT_TRUE(RunStep(*executor_, {{.slot = good_slot}}).ok());
  EXPECT_EQ(Finished(*executor_, good_slot), expected);

  EXPECT_EQ(RunStep(*executor_, {{.slot = bad_slot}}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(executor_->Export(bad_slot).ok());
  executor_->Release(std::vector<Slot>{bad_slot, good_slot});
  EXPECT_EQ(executor_->Admit(std::vector<ImagePlan>(4, good)).value().size(),
            4u);
}

TEST_F(TorchStageExecutorTest, PixelsShowTheEstimateAndThenTheImage) {
  StageSpec direct = TinyUnconditional().spec;
  direct.diffusion.prediction = PredictionType::kSample;
  Use(direct);
  const Slot slot = AdmitOne(Plan(spec(), Options(SamplerKind::kDdim, 2), 3));
  const auto pixels_of = [&](const std::vector<float>& image) {
    std::vector<uint8_t> pixels(image.size());
    ToPixels(image.data(), 3, 64, pixels);
    return pixels;
  };
  StepOutcome outcome =
      RunStep(*executor_, {{.slot = slot, .wants_pixels = true}}).value();
  const HostImage& preview = outcome.rows[0].pixels.value();
  EXPECT_EQ(preview.height, 8);
  EXPECT_EQ(preview.width, 8);
  EXPECT_EQ(preview.channels, 3);
  EXPECT_EQ(preview.pixels, pixels_of(executor_->X0Estimate(slot).value()));
  EXPECT_NE(preview.pixels, pixels_of(executor_->X(slot).value()));
  outcome = RunStep(*executor_, {{.slot = slot, .wants_pixels = true}}).value();
  EXPECT_EQ(outcome.rows[0].pixels->pixels,
            pixels_of(Finished(*executor_, slot)));
}

TEST_F(TorchStageExecutorTest, FullPoolRefusesWithoutEffect) {
  Use(TinyUnconditional().spec, {1, 2}, 3);
  const std::vector<ImagePlan> plans(
      2, Plan(spec(), Options(SamplerKind::kDdim, 2), 3));
  const std::vector<Slot> first = executor_->Admit(plans).value();
  EXPECT_EQ(executor_->Admit(plans).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(executor_->Admit({plans.data(), 1}).ok());
  executor_->Release(first);
  EXPECT_TRUE(executor_->Admit(plans).ok());
}

TEST_F(TorchStageExecutorTest, ReleasedTwiceIsFreeOnce) {
  Use(TinyUnconditional().spec, {1}, 2);
  const ImagePlan plan = Plan(spec(), Options(SamplerKind::kDdim, 2), 3);
  const Slot slot = AdmitOne(plan);
  executor_->Release(std::vector<Slot>{slot, slot, -1, 99});
  EXPECT_TRUE(executor_->Admit(std::vector<ImagePlan>(2, plan)).ok());
  EXPECT_FALSE(executor_->Admit({&plan, 1}).ok());
}

TEST_F(TorchStageExecutorTest, UsedSlotGivesTheSameImage) {
  Use(TinyUnconditional().spec, {1}, 1);
  const ImagePlan plan =
      Plan(spec(), Options(SamplerKind::kDpmSolverPlusPlus2M, 4), 3);
  const ImagePlan other = Plan(spec(), Options(SamplerKind::kDdpm, 3), 9);
  const auto images = Alone(*executor_, {plan, other, plan});
  EXPECT_EQ(images[0], images[2]);
}

TEST_F(TorchStageExecutorTest, StepRefusesWhatItCannotRun) {
  Use(TinyBase().spec, {1, 2}, 4);
  const ImagePlan plan = Plan(spec(), Options(SamplerKind::kDdim, 1), 3);
  const ImagePlan guided = Plan(spec(), Options(SamplerKind::kDdim, 1, 2), 4);
  const Slot slot = AdmitOne(plan);
  const Slot guided_slot = AdmitOne(guided);
  const auto message = [&](std::vector<StepRow> rows) {
    return std::string(executor_->Enqueue(rows).status().message());
  };
  EXPECT_EQ(message({}), "rows: there are none");
  EXPECT_EQ(message({{.slot = 9}}), "slot 9 is not in 0..3");
  EXPECT_EQ(message({{.slot = 3}}), "slot 3 is free");
  EXPECT_EQ(message({{.slot = slot}, {.slot = slot}}),
            "slot 0 is in the step twice");
  EXPECT_EQ(message({{.slot = slot}, {.slot = guided_slot}}),
            "the step takes 3 network rows, and the most is 2");
  EXPECT_EQ(executor_->Export(slot).status().message(),
            "slot 0 has lines left");
  ASSERT_TRUE(RunStep(*executor_, {{.slot = slot}}).ok());
  EXPECT_EQ(message({{.slot = slot}}), "slot 0 has no lines left");
  EXPECT_EQ(executor_->Wait(77).status().message(),
            "ticket 77 is not of a step under way");
}

TEST_F(TorchStageExecutorTest, AdmitRefusesWhatTheStageCannotDo) {
  Use(TinyBase().spec);
  const ImagePlan plan = Plan(spec(), Options(SamplerKind::kDdim, 2), 3);
  ImagePlan bad = plan;
  bad.table = nullptr;
  EXPECT_EQ(AdmitError(bad).message(), "table: has no lines");
  bad = plan;
  bad.class_id = 10;
  EXPECT_EQ(AdmitError(bad).message(),
            "class_id = 10 is not one of the 10 classes of stage 8x8");
  bad = plan;
  bad.input = LowImage(1, 4, 1);
  EXPECT_EQ(AdmitError(bad).message(), "input: stage 8x8 takes none");
  bad = plan;
  bad.augmentation_level = 0.5;
  EXPECT_EQ(AdmitError(bad).message(),
            "augmentation_level = 0.5 is not in 0..0");
  bad = Plan(TinyUnconditional().spec, Options(SamplerKind::kDdim, 2), 3);
  EXPECT_EQ(AdmitError(bad).message(),
            "table.learned_variance: is not the network's");
}

TEST_F(TorchStageExecutorTest, SuperResolutionNeedsItsInput) {
  Use(TinySuperResolution().spec);
  const ImagePlan plan = Plan(spec(), Options(SamplerKind::kDdim, 2), 3);
  ImagePlan bad = plan;
  bad.input = nullptr;
  EXPECT_EQ(AdmitError(bad).message(),
            "input: is missing, and stage 16x16 enlarges one");
  bad.input = LowImage(3, 4, 1);
  EXPECT_EQ(AdmitError(bad).message(),
            "input: is 3 x 4 x 4, and stage 16x16 takes 1 x 8 x 8");
  bad = plan;
  bad.augmentation_level = 1.5;
  EXPECT_EQ(AdmitError(bad).message(),
            "augmentation_level = 1.5 is not in 0..1");
}

TEST_F(TorchStageExecutorTest, GuidanceNeedsANullClass) {
  StageSpec spec = TinyUnconditional().spec;
  Use(spec);
  EXPECT_EQ(
      AdmitError(Plan(spec, Options(SamplerKind::kDdim, 2, 3), 3)).message(),
      "guidance.scale = 3: stage 8x8 has no null class");
  spec.num_classes = 10;
  Use(spec);
  ImagePlan plan = Plan(spec, Options(SamplerKind::kDdim, 2), 3);
  plan.class_id.reset();
  EXPECT_EQ(AdmitError(plan).message(),
            "class_id: is missing, and stage 8x8 has no null class");
}

// Answers what it is given, wherever it is asked for.
class ConstantNoise final : public NoiseSource {
 public:
  void Fill(const NoiseKey& key, std::span<float> values) const override {
    std::fill(values.begin(), values.end(),
              key.purpose == NoisePurpose::kInitial ? 0.5f : 0.0f);
  }
};

TEST(TorchStageExecutorNoiseTest, ComesFromTheSource) {
  const StageSpec spec = TinyUnconditional().spec;
  auto executor =
      MakeExecutor(spec, std::make_shared<ScriptedNetwork>(spec),
                   Limits({1}, 1), std::make_shared<ConstantNoise>());
  const ImagePlan plan = Plan(spec, Options(SamplerKind::kDdpm, 3), 3);
  const Slot slot = executor->Admit({&plan, 1}).value()[0];
  EXPECT_EQ(executor->X(slot).value(), std::vector<float>(192, 0.5f));
  ASSERT_TRUE(RunStep(*executor, {{.slot = slot}}).ok());
  const std::vector<float> x = executor->X(slot).value();
  EXPECT_EQ(x, std::vector<float>(192, x[0]));
}

}  // namespace
}  // namespace cascade
