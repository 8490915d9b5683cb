// What a stage says that it holds of a card, and what it does hold.

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "models/runtime/step_memory.h"
#include "tests/gpu/card.h"
#include "tests/gpu/card_stage.h"
#include "tests/unit/models/driven_executor.h"
#include "tests/unit/models/random_unet.h"

namespace cascade {
namespace {

constexpr int kMaxRows = 8;

class GpuMemoryTest : public CardTest {
 protected:
  static std::shared_ptr<const StageNetwork> Load(const CardStage& stage) {
    return OnCard(stage, *RandomUNet(stage.network, 7), Card(0), at::kBFloat16,
                  Reproducibility::kFast, kMaxRows);
  }
};

TEST_F(GpuMemoryTest, TheNetworksBytesAreThoseItTakes) {
  Load(SmallBase());  // What libraries keep for themselves.
  const int64_t before = AllocatedBytes(Card(0));
  auto network = Load(SmallBase());
  const int64_t taken = AllocatedBytes(Card(0)) - before;
  std::printf("says %d KiB, takes %d KiB\n",
              static_cast<int>(network->weight_bytes() / 1024),
              static_cast<int>(taken / 1024));
  // Allocations are rounded up; the pool's spare memory is counted in.
  EXPECT_GE(network->weight_bytes() + network->weight_bytes() / 20, taken);
  network.reset();
  EXPECT_EQ(AllocatedBytes(Card(0)), before);
}

TEST_F(GpuMemoryTest, SlotsAndStepsAreAccountedFor) {
  const CardStage stage = SmallSuperResolution();
  const auto network = Load(stage);
  ExecutorLimits limits = ProbedLimits(stage, *network, kMaxRows, 16);
  limits.bytes_per_row =
      MeasureBytesPerRow(stage.spec, network, limits).value();
  EXPECT_GT(limits.bytes_per_row, 0);
  const int64_t before = AllocatedBytes(Card(0));
  const auto executor = MakeExecutor(stage.spec, network, limits);
  EXPECT_LE(AllocatedBytes(Card(0)) - before,
            limits.slots * limits.bytes_per_slot +
                limits.batch_rows.back() * limits.bytes_per_row + (64 << 10));
}

// A thousand steps leave nothing behind.
TEST_F(GpuMemoryTest, StepsLeaveNothingBehind) {
  const CardStage stage = SmallBase();
  const auto executor =
      MakeExecutor(stage.spec, Load(stage), Limits({1, 2, 4, 8}, 8));
  const std::vector<ImagePlan> plans(
      4, Plan(stage.spec, Options(SamplerKind::kDdim, 10), 3));
  Alone(*executor, plans);
  const int64_t before = AllocatedBytes(Card(0));
  for (int i = 0; i < 25; ++i) Alone(*executor, plans);
  EXPECT_EQ(AllocatedBytes(Card(0)), before);
}

}  // namespace
}  // namespace cascade
