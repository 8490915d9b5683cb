// Images that leave an executor between two lines and go on in another one.

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <tuple>
#include <utility>

#include "tests/unit/models/driven_executor.h"
#include "tests/unit/models/random_unet.h"
#include "tests/unit/models/scripted_network.h"
#include "tests/unit/models/tiny_cascade.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* name;
  StageManifest stage;
  SamplerKind sampler;
};

class ParkingTest : public testing::TestWithParam<Case> {
 protected:
  ParkingTest() {
    at::set_num_threads(1);
    network_ = ServeModules(RandomUNet(GetParam().stage.network, 1), at::kCPU);
  }

  std::unique_ptr<TorchStageExecutor> Executor() const {
    return MakeExecutor(spec(), network_, Limits({1, 2, 3, 4, 5, 6}, 4));
  }
  const StageSpec& spec() const { return GetParam().stage.spec; }
  // A guided image, which takes one row in some lines and two in others.
  ImagePlan GuidedPlan(uint64_t seed) const {
    SamplerOptions options = Options(GetParam().sampler, 6);
    options.guidance = {.scale = 2, .interval_begin = 0, .interval_end = 0.6};
    ImagePlan plan = Plan(spec(), options, seed);
    if (spec().augmentation.enabled) plan.augmentation_level = 0.25;
    return plan;
  }

  std::shared_ptr<const StageNetwork> network_;
};

// Moves back and forth between two executors after every line, each time into
// another slot and beside another image.
TEST_P(ParkingTest, GoesOnElsewhereWithTheSameBytes) {
  const std::unique_ptr<TorchStageExecutor> executors[] = {Executor(),
                                                           Executor()};
  ImagePlan plan = GuidedPlan(3);
  const std::vector<float> expected = Alone(*executors[0], {plan})[0];
  Slot slot = executors[0]->Admit({&plan, 1}).value()[0];
  for (size_t line = 0; line < plan.table->lines.size(); ++line) {
    StageExecutor& from = *executors[line % 2];
    StageExecutor& to = *executors[(line + 1) % 2];
    const ImagePlan companion = GuidedPlan(100 + line);
    const Slot beside = from.Admit({&companion, 1}).value()[0];
    ASSERT_TRUE(RunStep(from, {{.slot = beside}, {.slot = slot}}).ok());
    plan.parked = from.Park(slot).value();
    plan.input = nullptr;
    from.Release(std::vector<Slot>{slot, beside});

    // Other images take the low slots and leave their marks in them.
    const std::vector<ImagePlan> others(1 + line % 3, companion);
    const std::vector<Slot> taken = to.Admit(others).value();
    RunLines(to, taken[0], 1);
    slot = to.Admit({&plan, 1}).value()[0];
    to.Release(taken);
  }
  StageExecutor& last = *executors[plan.table->lines.size() % 2];
  EXPECT_EQ(Finished(last, slot), expected);

  // No slot got lost on the way.
  last.Release({&slot, 1});
  for (const auto& executor : executors) {
    EXPECT_TRUE(executor->Admit(std::vector<ImagePlan>(4, GuidedPlan(1))).ok());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Samplers, ParkingTest,
    testing::Values(
        Case{"BaseDpmpp", TinyBase(), SamplerKind::kDpmSolverPlusPlus2M},
        Case{"BaseDdpm", TinyBase(), SamplerKind::kDdpm},
        Case{"BaseDdim", TinyBase(), SamplerKind::kDdim},
        Case{"SuperResolutionDpmpp", TinySuperResolution(),
             SamplerKind::kDpmSolverPlusPlus2M},
        Case{"SuperResolutionDdpm", TinySuperResolution(), SamplerKind::kDdpm},
        Case{"SuperResolutionDdim", TinySuperResolution(), SamplerKind::kDdim}),
    [](const auto& param) { return param.param.name; });

// Over a network that costs nothing.
std::unique_ptr<TorchStageExecutor> Scripted(const StageSpec& spec) {
  return MakeExecutor(spec, std::make_shared<ScriptedNetwork>(spec),
                      Limits({1, 2}, 2));
}

TEST(ParkedImageTest, BytesAreThoseOfTheTensorsThatItKeeps) {
  constexpr int64_t kBaseImage = 8 * 8 * 4;
  constexpr int64_t kLargeImage = 16 * 16 * 4;
  for (const auto& [spec, image_bytes, fixed_images] :
       {std::tuple{TinyBase().spec, kBaseImage, 1},
        std::tuple{TinySuperResolution().spec, kLargeImage, 2}}) {
    const auto executor = Scripted(spec);
    const ImagePlan plan = Plan(spec, Options(SamplerKind::kDdim, 6), 3);
    const Slot slot = executor->Admit({&plan, 1}).value()[0];
    for (int line = 0; line < 6; ++line) {
      const int estimates = std::min(line, kHistoryLength - 1);
      EXPECT_EQ(executor->Park(slot).value()->bytes(),
                (fixed_images + estimates) * image_bytes)
          << line;
      RunLines(*executor, slot, 1);
    }
  }
}

TEST(ParkedImageTest, TheSlotGoesOnAndTheCopyStays) {
  const StageSpec spec = TinyUnconditional().spec;
  const auto executor = Scripted(spec);
  ImagePlan plan = Plan(spec, Options(SamplerKind::kDpmSolverPlusPlus2M, 5), 3);
  const std::vector<float> expected = Alone(*executor, {plan})[0];
  const Slot slot = executor->Admit({&plan, 1}).value()[0];
  RunLines(*executor, slot, 2);
  plan.parked = executor->Park(slot).value();
  RunLines(*executor, slot, 3);
  EXPECT_EQ(Finished(*executor, slot), expected);
  for (int time = 0; time < 2; ++time) {
    const Slot resumed = executor->Admit({&plan, 1}).value()[0];
    RunLines(*executor, resumed, 3);
    EXPECT_EQ(Finished(*executor, resumed), expected);
    executor->Release({&resumed, 1});
  }
}

class ForeignImage final : public ParkedImage {
 public:
  int64_t bytes() const override { return 0; }
};

// What `parked` is refused with by an executor of `spec`.
std::string Refusal(const StageSpec& spec, ImagePlan plan,
                    std::shared_ptr<const ParkedImage> parked) {
  plan.parked = std::move(parked);
  const absl::Status status = Scripted(spec)->Admit({&plan, 1}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(ParkedImageTest, IsRefusedWhereItDoesNotBelong) {
  const StageSpec spec = TinyBase().spec;
  const auto executor = Scripted(spec);
  const ImagePlan plan = Plan(spec, Options(SamplerKind::kDdim, 4), 3);
  const Slot slot = executor->Admit({&plan, 1}).value()[0];
  const auto parked = executor->Park(slot).value();

  EXPECT_EQ(Refusal(spec, plan, std::make_shared<ForeignImage>()),
            "parked: was not parked by an executor of this kind");
  StageSpec other = spec;
  other.resolution = 16;
  EXPECT_EQ(Refusal(other, plan, parked),
            "parked: is of stage 0 (1 x 8 x 8, weights \"\"), and this is "
            "stage 0 (1 x 16 x 16, weights \"\")");
  other = spec;
  other.weights_sha256 = "abc";
  EXPECT_THAT(Refusal(other, plan, parked), HasSubstr("weights \"abc\""));
  other = spec;
  other.index = 2;
  EXPECT_THAT(Refusal(other, plan, parked), HasSubstr("this is stage 2"));

  ImagePlan changed = plan;
  changed.image_seed = 4;
  EXPECT_EQ(Refusal(spec, changed, parked),
            "parked: image_seed is 3, and the plan's is 4");
  changed = plan;
  changed.class_id.reset();
  EXPECT_EQ(Refusal(spec, changed, parked),
            "parked: class_id is 3, and the plan's is 10");
  changed = Plan(spec, Options(SamplerKind::kDdim, 5), 3);
  EXPECT_THAT(Refusal(spec, changed, parked),
              HasSubstr("table is not the plan's"));
  // An equal table is as good as the same one.
  changed = Plan(spec, Options(SamplerKind::kDdim, 4), 3);
  changed.parked = parked;
  EXPECT_TRUE(executor->Admit({&changed, 1}).ok());
}

TEST(ParkedImageTest, AnAugmentedImageKeepsItsLevel) {
  const StageSpec spec = TinySuperResolution().spec;
  const auto executor = Scripted(spec);
  ImagePlan plan = Plan(spec, Options(SamplerKind::kDdim, 4), 3);
  plan.augmentation_level = 0.25;
  const Slot slot = executor->Admit({&plan, 1}).value()[0];
  const auto parked = executor->Park(slot).value();
  plan.augmentation_level = 0.5;
  EXPECT_EQ(Refusal(spec, plan, parked),
            "parked: augmentation is 250, and the plan's is 500");
}

TEST(ParkedImageTest, FreeAndLostSlotsHaveNothingToPark) {
  const StageSpec spec = TinyUnconditional().spec;
  const auto network = std::make_shared<ScriptedNetwork>(spec);
  network->on_run = [](const nn::UNetInput&, at::Tensor& output) {
    output.fill_(std::numeric_limits<float>::infinity());
  };
  const auto executor = MakeExecutor(spec, network, Limits({1}, 2));
  EXPECT_EQ(executor->Park(0).status().message(), "slot 0 is free");
  EXPECT_EQ(executor->Park(7).status().message(), "slot 7 is not in 0..1");
  const ImagePlan plan = Plan(spec, Options(SamplerKind::kDdim, 2), 3);
  const Slot slot = executor->Admit({&plan, 1}).value()[0];
  RunLines(*executor, slot, 1);
  EXPECT_EQ(executor->Park(slot).status().message(),
            "slot 0 became infinite or NaN");
}

}  // namespace
}  // namespace cascade
