// Replays of a captured graph, bit for bit beside the plan run call by call.

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <memory>

#include "models/cuda/card_functions.h"
#include "models/cuda/eager_network.h"
#include "models/nn/input_rows.h"
#include "tests/gpu/card.h"
#include "tests/gpu/card_stage.h"
#include "tests/unit/models/random_unet.h"

namespace cascade {
namespace {

constexpr int kMaxRows = 8;

class GpuGraphTest : public CardTest,
                     public testing::WithParamInterface<at::ScalarType> {};

TEST_P(GpuGraphTest, AReplayIsTheEagerRun) {
  const c10::InferenceMode inference;
  for (const CardStage& stage : {SmallBase(), SmallSuperResolution()}) {
    const auto unet = RandomUNet(stage.network, 7);
    const auto replayed = OnCard(stage, *unet, Card(0), GetParam(),
                                 Reproducibility::kFast, kMaxRows);
    const auto eager = ServeEagerly(*unet, {.functions = &CudaFunctions(),
                                            .device = Card(0),
                                            .dtype = GetParam()});
    const nn::UNetInput input = nn::RandomInput(stage.spec, kMaxRows, Card(0));
    // From large to small, so that rows of the batch before are left over.
    for (const int rows : {8, 4, 2, 1}) {
      for (int begin = 0; begin < kMaxRows; begin += rows) {
        const nn::UNetInput some = nn::Rows(input, begin, rows);
        EXPECT_TRUE(replayed->Run(some).equal(eager->Run(some)))
            << rows << " rows from " << begin;
      }
    }
  }
}

TEST_P(GpuGraphTest, OtherSizesAreFilledUp) {
  const c10::InferenceMode inference;
  const CardStage stage = SmallBase();
  const auto unet = RandomUNet(stage.network, 7);
  const auto network = OnCard(stage, *unet, Card(0), GetParam(),
                              Reproducibility::kFast, kMaxRows);
  const nn::UNetInput input = nn::RandomInput(stage.spec, kMaxRows, Card(0));
  const at::Tensor all = network->Run(input);
  for (const int rows : {5, 6, 7}) {
    EXPECT_TRUE(
        network->Run(nn::FirstRows(input, rows)).equal(all.narrow(0, 0, rows)))
        << rows;
  }
  EXPECT_THROW(network->Run(nn::RandomInput(stage.spec, kMaxRows + 1, Card(0))),
               c10::Error);
}

INSTANTIATE_TEST_SUITE_P(Precisions, GpuGraphTest,
                         testing::Values(at::kFloat, at::kBFloat16, at::kHalf));

}  // namespace
}  // namespace cascade
