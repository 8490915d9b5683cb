// How many rows a second a card evaluates, by stage, dtype and batch, replayed
// and call by call; random weights. Counts the card's time between two events.
//
//   gpu_bench [flags of Google Benchmark]

#include <ATen/Context.h>
#include <benchmark/benchmark.h>
#include <c10/core/Event.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <cstdio>
#include <memory>
#include <string>

#include "models/cuda/card_functions.h"
#include "models/cuda/eager_network.h"
#include "models/nn/input_rows.h"
#include "tests/gpu/card.h"
#include "tests/gpu/card_stage.h"
#include "tests/unit/models/random_unet.h"

namespace cascade {
namespace {

constexpr int kMaxRows = 32;
constexpr int kEvaluations = 10;

// The 64x64 class-conditional network of Dhariwal & Nichol 2021 in shape.
CardStage LargeBase() {
  CardStage stage = SmallBase();
  stage.spec.name = "guided-diffusion-64x64";
  stage.spec.resolution = 64;
  stage.network.model_channels = 192;
  stage.network.channel_mult = {1, 2, 3, 4};
  stage.network.num_res_blocks = 3;
  stage.network.attention_downsampling = {2, 4, 8};
  stage.network.num_head_channels = 64;
  return stage;
}

double CardSeconds(const StageNetwork& network, const nn::UNetInput& input) {
  const c10::Stream stream =
      c10::impl::VirtualGuardImpl(at::kCUDA).getStream(Card(0));
  c10::Event begin(at::kCUDA, c10::EventFlag::BACKEND_DEFAULT);
  c10::Event end(at::kCUDA, c10::EventFlag::BACKEND_DEFAULT);
  begin.record(stream);
  for (int i = 0; i < kEvaluations; ++i) network.Run(input);
  end.record(stream);
  end.synchronize();
  return begin.elapsedTime(end) / 1e3;
}

void Evaluate(benchmark::State& state,
              const std::shared_ptr<const StageNetwork>& network,
              const CardStage& stage, int rows) {
  const c10::InferenceMode inference;
  const nn::UNetInput input = nn::RandomInput(stage.spec, rows, Card(0));
  CardSeconds(*network, input);
  for (auto _ : state) {
    state.SetIterationTime(CardSeconds(*network, input));
  }
  state.SetItemsProcessed(state.iterations() * rows * kEvaluations);
  state.counters["network_MiB"] =
      static_cast<double>(network->weight_bytes()) / (1 << 20);
}

void Register(const CardStage& stage, const std::string& dtype_name,
              at::ScalarType dtype) {
  const auto unet = RandomUNet(stage.network, 7);
  const std::shared_ptr<const StageNetwork> replayed =
      OnCard(stage, *unet, Card(0), dtype, Reproducibility::kFast, kMaxRows);
  const std::shared_ptr<const StageNetwork> eager = ServeEagerly(
      *unet,
      {.functions = &CudaFunctions(), .device = Card(0), .dtype = dtype});
  for (const auto& [mode, network] :
       {std::pair("replayed", replayed), std::pair("eager", eager)}) {
    for (int rows = 1; rows <= kMaxRows; rows *= 2) {
      const std::string name = stage.spec.name + "/" + dtype_name + "/" + mode +
                               "/rows:" + std::to_string(rows);
      benchmark::RegisterBenchmark(
          name.c_str(),
          [network = network, stage, rows](benchmark::State& state) {
            Evaluate(state, network, stage, rows);
          })
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
}

int Run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  if (NumCards() == 0) {
    std::fprintf(stderr, "gpu_bench: the machine has no CUDA device\n");
    return 1;
  }
  at::globalContext().lazyInitDevice(at::kCUDA);
  for (const CardStage& stage :
       {SmallBase(), SmallSuperResolution(), LargeBase()}) {
    Register(stage, "fp32", at::kFloat);
    Register(stage, "bf16", at::kBFloat16);
    Register(stage, "fp16", at::kHalf);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace cascade

int main(int argc, char** argv) { return cascade::Run(argc, argv); }
