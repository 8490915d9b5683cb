// A stage's image on its way to the next stage's card.

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "models/host_stage_output.h"
#include "tests/gpu/card.h"
#include "tests/gpu/card_stage.h"
#include "tests/unit/models/driven_executor.h"
#include "tests/unit/models/random_unet.h"

namespace cascade {
namespace {

constexpr int kImages = 8;

std::unique_ptr<TorchStageExecutor> Executor(const CardStage& stage,
                                             at::Device card) {
  return MakeExecutor(stage.spec,
                      OnCard(stage, *RandomUNet(stage.network, 7), card,
                             at::kBFloat16, Reproducibility::kFast, 2),
                      Limits({1, 2}, 4));
}

std::shared_ptr<const StageOutput> ThroughTheHost(const StageOutput& output) {
  return std::make_shared<HostStageOutput>(
      output.channels(), output.resolution(), output.ToHost().value());
}

// Makes base images on one card, each handed over at once to a thread that
// enlarges it on another: as lanes do it. Nothing waits in between.
void HandOver(at::Device from, at::Device to) {
  const CardStage base = SmallBase();
  const CardStage super = SmallSuperResolution();
  const auto lower = Executor(base, from);
  const auto upper = Executor(super, to);
  for (uint64_t seed = 0; seed < kImages; ++seed) {
    const ImagePlan plan =
        Plan(base.spec, Options(SamplerKind::kDdim, 4), seed);
    const Slot slot = lower->Admit({&plan, 1}).value()[0];
    RunLines(*lower, slot, plan.table->lines.size());
    std::shared_ptr<const StageOutput> output = lower->Export(slot).value();
    lower->Release({&slot, 1});
    // The slot's memory is written again while the image is on its way.
    const Slot next = lower->Admit({&plan, 1}).value()[0];
    RunLines(*lower, next, 1);
    lower->Release({&next, 1});
    ImagePlan enlarging =
        Plan(super.spec, Options(SamplerKind::kDdim, 3), seed);
    enlarging.augmentation_level = 0.1;
    ImagePlan by_host = enlarging;
    by_host.input = ThroughTheHost(*output);
    enlarging.input = std::move(output);
    std::vector<std::vector<float>> made;
    std::thread lane([&] { made = Alone(*upper, {enlarging, by_host}); });
    lane.join();
    EXPECT_EQ(made[0], made[1]) << seed;
  }
}

class GpuHandoverTest : public CardTest {};

TEST_F(GpuHandoverTest, WithinACardIsWhatTheHostWouldCarry) {
  HandOver(Card(0), Card(0));
}

class TwoCardsTest : public CardTest {
 protected:
  TwoCardsTest() : CardTest(2) {}
};

TEST_F(TwoCardsTest, FromCardToCardIsWhatTheHostWouldCarry) {
  HandOver(Card(0), Card(1));
}

TEST_F(TwoCardsTest, AParkedImageGoesOnOnTheOtherCard) {
  const CardStage stage = SmallBase();
  const auto first = Executor(stage, Card(0));
  const auto second = Executor(stage, Card(1));
  ImagePlan plan = Plan(stage.spec, Options(SamplerKind::kDdpm, 6), 3);
  const std::vector<float> expected = Alone(*first, {plan})[0];
  const Slot slot = first->Admit({&plan, 1}).value()[0];
  RunLines(*first, slot, 3);
  plan.parked = first->Park(slot).value();
  const Slot other = second->Admit({&plan, 1}).value()[0];
  RunLines(*second, other, 3);
  EXPECT_EQ(Finished(*second, other), expected);
}

}  // namespace
}  // namespace cascade
