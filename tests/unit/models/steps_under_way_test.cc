// Steps that are submitted before the last one was waited for, as on a card;
// and an executor over a card's kernels, whose threads run on the host.

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <vector>

#include "models/cuda/card_functions.h"
#include "models/cuda/eager_network.h"
#include "tests/unit/models/driven_executor.h"
#include "tests/unit/models/late_network.h"
#include "tests/unit/models/random_unet.h"
#include "tests/unit/models/scripted_network.h"
#include "tests/unit/models/tiny_cascade.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;

// Submits as many lines as may be under way, again and again.
std::vector<float> RunInPairs(StageExecutor& executor, const ImagePlan& plan) {
  const Slot slot = executor.Admit({&plan, 1}).value()[0];
  const std::vector<StepRow> rows = {{.slot = slot, .wants_pixels = true}};
  const size_t lines = plan.table->lines.size();
  for (size_t line = 0; line < lines; line += 2) {
    const Ticket first = executor.Enqueue(rows).value();
    if (line + 1 < lines) {
      const Ticket second = executor.Enqueue(rows).value();
      // In the other order.
      EXPECT_TRUE(executor.Wait(second).value().rows[0].finite);
    }
    EXPECT_TRUE(executor.Wait(first).value().rows[0].pixels.has_value());
  }
  const std::vector<float> finished = Finished(executor, slot);
  executor.Release({&slot, 1});
  return finished;
}

class StepsUnderWayTest : public testing::TestWithParam<StageManifest> {
 protected:
  StepsUnderWayTest() {
    at::set_num_threads(1);
    unet_ = RandomUNet(GetParam().network, 1);
  }

  const StageSpec& spec() const { return GetParam().spec; }

  std::shared_ptr<nn::UNet> unet_;
};

TEST_P(StepsUnderWayTest, TwoOfASlotMakeTheSameBytes) {
  const auto executor = MakeExecutor(
      spec(), std::make_shared<LateNetwork>(ServeModules(unet_, at::kCPU)),
      Limits({1, 2, 4}, 4));
  const std::vector<ImagePlan> plans = MixedPlans(spec(), 6);
  const auto expected = Alone(*executor, plans);
  for (size_t i = 0; i < plans.size(); ++i) {
    EXPECT_EQ(RunInPairs(*executor, plans[i]), expected[i]) << i;
  }
}

// The plan is the same, and so is every bit of the steps around it.
TEST_P(StepsUnderWayTest, ACardsKernelsMakeTheHostsBytes) {
  class HostSteps final : public StageNetwork {
   public:
    explicit HostSteps(std::unique_ptr<StageNetwork> network)
        : network_(std::move(network)) {}
    at::Device device() const override { return at::kCPU; }
    int64_t weight_bytes() const override { return network_->weight_bytes(); }
    at::Tensor Run(const nn::UNetInput& input) const override {
      return network_->Run(input);
    }

   private:
    const std::unique_ptr<StageNetwork> network_;
  };
  const CardMath math{.functions = &HostFunctions()};
  const auto host = MakeExecutor(
      spec(), std::make_shared<HostSteps>(ServeEagerly(*unet_, math)),
      Limits({1, 3, 8}, 8));
  const auto card =
      MakeExecutor(spec(), ServeEagerly(*unet_, math), Limits({1, 3, 8}, 8));
  const std::vector<ImagePlan> plans = MixedPlans(spec(), 8);
  const auto expected = Alone(*host, plans);
  EXPECT_EQ(Alone(*card, plans), expected);
  for (size_t i = 0; i < plans.size(); ++i) {
    EXPECT_EQ(RunInPairs(*card, plans[i]), expected[i]) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Stages, StepsUnderWayTest,
                         testing::Values(TinyBase(), TinySuperResolution(),
                                         TinyUnconditional()),
                         [](const auto& stage) {
                           return stage.index == 0   ? "Base"
                                  : stage.index == 1 ? "SuperResolution"
                                                     : "Unconditional";
                         });

class LateStepsTest : public testing::Test {
 protected:
  LateStepsTest()
      : spec_(TinyUnconditional().spec),
        scripted_(std::make_shared<ScriptedNetwork>(spec_)),
        late_(std::make_shared<LateNetwork>(scripted_)),
        executor_(MakeExecutor(spec_, late_, Limits({1, 2}, 2))),
        plan_(Plan(spec_, Options(SamplerKind::kDdim, 4), 3)),
        expected_(Alone(*executor_, {plan_})[0]) {
    slot_ = executor_->Admit({&plan_, 1}).value()[0];
    waits_before_ = late_->num_waits();
  }

  Ticket Enqueue() {
    const std::vector<StepRow> rows = {{.slot = slot_}};
    return executor_->Enqueue(rows).value();
  }
  // The network answers infinity, once.
  void LoseTheNextStep() {
    scripted_->on_run = [this](const nn::UNetInput&, at::Tensor& output) {
      output.fill_(std::numeric_limits<float>::infinity());
      scripted_->on_run = nullptr;
    };
  }
  int num_waits() const { return late_->num_waits() - waits_before_; }

  const StageSpec spec_;
  const std::shared_ptr<ScriptedNetwork> scripted_;
  const std::shared_ptr<LateNetwork> late_;
  const std::unique_ptr<TorchStageExecutor> executor_;
  const ImagePlan plan_;
  const std::vector<float> expected_;
  Slot slot_ = 0;
  int waits_before_ = 0;
};

TEST_F(LateStepsTest, AThirdStepWaitsForTheOldest) {
  const Ticket first = Enqueue();
  Enqueue();
  EXPECT_EQ(num_waits(), 0);
  Enqueue();
  EXPECT_EQ(num_waits(), 1);
  EXPECT_TRUE(executor_->Wait(first).ok());
  EXPECT_EQ(num_waits(), 1);
  Enqueue();
  EXPECT_EQ(Finished(*executor_, slot_), expected_);
}

TEST_F(LateStepsTest, WhatAStepLostIsLostInTheNextOne) {
  LoseTheNextStep();
  const Ticket first = Enqueue();
  const Ticket second = Enqueue();
  EXPECT_FALSE(executor_->Wait(first).value().rows[0].finite);
  EXPECT_FALSE(executor_->Wait(second).value().rows[0].finite);
  EXPECT_THAT(executor_->Enqueue(std::vector<StepRow>{{.slot = slot_}})
                  .status()
                  .message(),
              HasSubstr("infinite"));
}

TEST_F(LateStepsTest, ParkingSeesWhatIsUnderWay) {
  LoseTheNextStep();
  Enqueue();
  EXPECT_THAT(executor_->Park(slot_).status().message(), HasSubstr("infinite"));
}

TEST_F(LateStepsTest, ALossDoesNotReachTheSlotsNextImage) {
  LoseTheNextStep();
  const Ticket lost = Enqueue();
  executor_->Release({&slot_, 1});
  ASSERT_EQ(executor_->Admit({&plan_, 1}).value()[0], slot_);
  EXPECT_FALSE(executor_->Wait(lost).value().rows[0].finite);
  RunLines(*executor_, slot_, 4);
  EXPECT_EQ(Finished(*executor_, slot_), expected_);
}

TEST_F(LateStepsTest, AWaitThatFailsHasNotHappened) {
  RunLines(*executor_, slot_, 1);
  const Ticket failing = Enqueue();
  late_->FailNextWait();
  EXPECT_EQ(executor_->Wait(failing).status().code(),
            absl::StatusCode::kUnavailable);
  RunLines(*executor_, slot_, 3);
  EXPECT_EQ(Finished(*executor_, slot_), expected_);
}

}  // namespace
}  // namespace cascade
