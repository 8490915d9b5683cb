// An image's bytes on a card do not depend on what it is computed with.

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tests/gpu/card.h"
#include "tests/gpu/card_stage.h"
#include "tests/unit/models/driven_executor.h"
#include "tests/unit/models/random_unet.h"

namespace cascade {
namespace {

constexpr int kMaxRows = 16;

// All images together, as many in a step as fit it.
std::vector<std::vector<float>> Together(StageExecutor& executor,
                                         const std::vector<ImagePlan>& plans) {
  const std::vector<Slot> slots = executor.Admit(plans).value();
  std::vector<size_t> lines(plans.size());
  for (;;) {
    std::vector<StepRow> rows;
    int network_rows = 0;
    for (size_t i = 0; i < plans.size(); ++i) {
      const std::vector<SamplerLine>& all = plans[i].table->lines;
      if (lines[i] == all.size()) continue;
      network_rows += RowsOf(all[lines[i]]);
      if (network_rows > executor.limits().batch_rows.back()) break;
      rows.push_back({.slot = slots[i]});
      ++lines[i];
    }
    if (rows.empty()) break;
    EXPECT_TRUE(RunStep(executor, rows).ok());
  }
  std::vector<std::vector<float>> images;
  for (const Slot slot : slots) images.push_back(Finished(executor, slot));
  executor.Release(slots);
  return images;
}

class GpuBatchesTest : public CardTest,
                       public testing::WithParamInterface<at::ScalarType> {};

TEST_P(GpuBatchesTest, AloneAndTogetherAreTheSameBytes) {
  for (const CardStage& stage : {SmallBase(), SmallSuperResolution()}) {
    const auto unet = RandomUNet(stage.network, 7);
    const auto network = OnCard(stage, *unet, Card(0), GetParam(),
                                Reproducibility::kExact, kMaxRows);
    const ExecutorLimits limits =
        ProbedLimits(stage, *network, kMaxRows, /*slots=*/12);
    std::string sizes;
    for (const int rows : limits.batch_rows)
      sizes += std::to_string(rows) + " ";
    std::printf("%s: exact batches of %s\n", stage.spec.name.c_str(),
                sizes.c_str());
    const auto executor = MakeExecutor(stage.spec, network, limits);
    const std::vector<ImagePlan> plans = MixedPlans(stage.spec, 12);
    EXPECT_EQ(Together(*executor, plans), Alone(*executor, plans));
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, GpuBatchesTest,
                         testing::Values(at::kFloat, at::kBFloat16, at::kHalf));

}  // namespace
}  // namespace cascade
