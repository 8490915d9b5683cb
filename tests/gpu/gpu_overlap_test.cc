// Executors on streams of their own, driven by threads side by side, make the
// bytes that each makes alone.

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "tests/gpu/card.h"
#include "tests/gpu/card_stage.h"
#include "tests/unit/models/driven_executor.h"
#include "tests/unit/models/random_unet.h"

namespace cascade {
namespace {

using Images = std::vector<std::vector<float>>;

constexpr int kMaxRows = 4;
constexpr int kImages = 12;

class GpuOverlapTest : public CardTest {
 protected:
  static std::shared_ptr<const StageNetwork> Load(const CardStage& stage) {
    return OnCard(stage, *RandomUNet(stage.network, 7), Card(0), at::kBFloat16,
                  Reproducibility::kFast, kMaxRows);
  }

  static std::unique_ptr<TorchStageExecutor> Executor(
      const CardStage& stage, std::shared_ptr<const StageNetwork> network) {
    return MakeExecutor(stage.spec, std::move(network), Limits({1, 2}, 4));
  }

  // Each executor in a thread of its own.
  static std::vector<Images> SideBySide(
      const std::vector<TorchStageExecutor*>& executors,
      const std::vector<std::vector<ImagePlan>>& plans) {
    std::vector<Images> images(executors.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < executors.size(); ++i) {
      threads.emplace_back(
          [&, i] { images[i] = Alone(*executors[i], plans[i]); });
    }
    for (std::thread& thread : threads) thread.join();
    return images;
  }
};

TEST_F(GpuOverlapTest, TwoStages) {
  const CardStage base = SmallBase();
  const CardStage super = SmallSuperResolution();
  const auto first = Executor(base, Load(base));
  const auto second = Executor(super, Load(super));
  const std::vector<std::vector<ImagePlan>> plans = {
      MixedPlans(base.spec, kImages), MixedPlans(super.spec, kImages)};
  const std::vector<Images> expected = {Alone(*first, plans[0]),
                                        Alone(*second, plans[1])};
  EXPECT_EQ(SideBySide({first.get(), second.get()}, plans), expected);
}

// The graphs of one stage are shared.
TEST_F(GpuOverlapTest, TwoLanesOfAStage) {
  const CardStage stage = SmallBase();
  const auto network = Load(stage);
  const auto first = Executor(stage, network);
  const auto second = Executor(stage, network);
  const std::vector<ImagePlan> plans = MixedPlans(stage.spec, kImages);
  const Images expected = Alone(*first, plans);
  EXPECT_EQ(SideBySide({first.get(), second.get()}, {plans, plans}),
            (std::vector<Images>{expected, expected}));
}

// A cascade is loaded, its graphs captured, beside another that serves.
TEST_F(GpuOverlapTest, ACaptureBesideSteps) {
  const CardStage stage = SmallBase();
  const auto executor = Executor(stage, Load(stage));
  const std::vector<ImagePlan> plans = MixedPlans(stage.spec, kImages);
  const Images expected = Alone(*executor, plans);
  Images made;
  std::thread lane([&] { made = Alone(*executor, plans); });
  const CardStage other = SmallSuperResolution();
  const auto loaded = Executor(other, Load(other));
  lane.join();
  EXPECT_EQ(made, expected);
  const std::vector<ImagePlan> others = MixedPlans(other.spec, 3);
  EXPECT_EQ(Alone(*loaded, others), Alone(*loaded, others));
}

// Two steps of a slot under way make the bytes of one after the other.
TEST_F(GpuOverlapTest, TwoStepsUnderWay) {
  const CardStage stage = SmallBase();
  const auto executor = Executor(stage, Load(stage));
  const ImagePlan plan = Plan(stage.spec, Options(SamplerKind::kDdpm, 20), 5);
  const std::vector<float> expected = Alone(*executor, {plan})[0];
  const Slot slot = executor->Admit({&plan, 1}).value()[0];
  const std::vector<StepRow> rows = {{.slot = slot, .wants_pixels = true}};
  std::vector<Ticket> tickets;
  for (size_t i = 0; i < plan.table->lines.size(); ++i) {
    tickets.push_back(executor->Enqueue(rows).value());
  }
  for (const Ticket ticket : tickets) {
    EXPECT_TRUE(executor->Wait(ticket).value().rows[0].finite);
  }
  EXPECT_EQ(Finished(*executor, slot), expected);
}

}  // namespace
}  // namespace cascade
