// The bare stage loop: steps of full batches through the executor, without a
// server.
//
//   stage_bench PACKAGE [Google Benchmark's flags]
//
// rows/s counts network rows, images/s one image by the stage's default
// sampler. cascade/images:N takes N images through all stages with the
// package's defaults.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/cascade_model.h"
#include "models/host_stage_output.h"
#include "models/sampling/sampler_table.h"

namespace cascade {
namespace {

// A lower stage's image for stages that enlarge one.
std::shared_ptr<const StageOutput> GreyOutput(const StageSpec& spec) {
  const int values = spec.channels * spec.low_resolution * spec.low_resolution;
  return std::make_shared<HostStageOutput>(
      spec.channels, spec.low_resolution,
      std::vector<float>(static_cast<size_t>(values)));
}

std::vector<ImagePlan> Plans(const StageSpec& spec, int count,
                             const SamplerOptions& sampler) {
  const auto table = std::make_shared<SamplerTable>(
      CompileSampler(spec.diffusion, sampler).value());
  std::vector<ImagePlan> plans(static_cast<size_t>(count));
  for (size_t i = 0; i < plans.size(); ++i) {
    plans[i].table = table;
    plans[i].image_seed = i;
    if (spec.num_classes > 0) {
      plans[i].class_id = static_cast<int>(i) % spec.num_classes;
    }
    if (spec.low_resolution > 0) plans[i].input = GreyOutput(spec);
  }
  return plans;
}

// Runs all lines of `plans` together and returns their slots; none when a step
// failed.
std::optional<std::vector<Slot>> RunLines(StageExecutor& executor,
                                          std::span<const ImagePlan> plans) {
  const auto slots = executor.Admit(plans);
  if (!slots.ok()) return std::nullopt;
  std::vector<StepRow> rows;
  for (Slot slot : *slots) rows.push_back({.slot = slot});
  for (size_t i = 0; i < plans[0].table->lines.size(); ++i) {
    const auto ticket = executor.Enqueue(rows);
    if (!ticket.ok() || !executor.Wait(*ticket).ok()) return std::nullopt;
  }
  return *slots;
}

void StageLoop(benchmark::State& state, StageExecutor& executor, int rows) {
  // Guidance would make two rows of an image, and this counts rows.
  SamplerOptions sampler = executor.spec().default_sampler;
  sampler.guidance.scale = 1;
  const std::vector<ImagePlan> plans = Plans(executor.spec(), rows, sampler);
  const double lines = static_cast<double>(plans[0].table->lines.size());
  for (auto _ : state) {
    const auto slots = RunLines(executor, plans);
    if (!slots) {
      state.SkipWithError("a step failed");
      return;
    }
    executor.Release(*slots);
  }
  const double loops = static_cast<double>(state.iterations());
  state.counters["images/s"] =
      benchmark::Counter(loops * rows, benchmark::Counter::kIsRate);
  state.counters["rows/s"] =
      benchmark::Counter(loops * rows * lines, benchmark::Counter::kIsRate);
  state.counters["step"] = benchmark::Counter(
      loops * lines, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// The images that one step of `executor` takes with the stage's defaults.
int ImagesAtOnce(const StageExecutor& executor) {
  const bool guided = executor.spec().default_sampler.guidance.scale != 1;
  return std::max(1, executor.limits().batch_rows.back() / (guided ? 2 : 1));
}

// Takes `count` images through all stages; false when a step failed.
bool RunCascade(const std::vector<std::unique_ptr<StageExecutor>>& executors,
                int count) {
  std::vector<std::shared_ptr<const StageOutput>> images(
      static_cast<size_t>(count));
  for (const auto& executor : executors) {
    const StageSpec& spec = executor->spec();
    std::vector<ImagePlan> plans = Plans(spec, count, spec.default_sampler);
    for (size_t i = 0; i < plans.size(); ++i) {
      plans[i].augmentation_level = spec.augmentation.default_level;
      plans[i].input = images[i];
    }
    const auto at_once = static_cast<size_t>(ImagesAtOnce(*executor));
    for (size_t begin = 0; begin < plans.size(); begin += at_once) {
      const size_t end = std::min(plans.size(), begin + at_once);
      const auto slots =
          RunLines(*executor, std::span(plans).subspan(begin, end - begin));
      if (!slots) return false;
      for (size_t i = begin; i < end; ++i) {
        auto output = executor->Export((*slots)[i - begin]);
        if (!output.ok()) return false;
        images[i] = *std::move(output);
      }
      executor->Release(*slots);
    }
  }
  return true;
}

void CascadeLoop(benchmark::State& state,
                 const std::vector<std::unique_ptr<StageExecutor>>& executors,
                 int count) {
  for (auto _ : state) {
    if (!RunCascade(executors, count)) {
      state.SkipWithError("a step failed");
      return;
    }
  }
  state.counters["images/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * count,
                         benchmark::Counter::kIsRate);
}

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: stage_bench PACKAGE [--benchmark_...]\n");
    return 2;
  }
  const auto model = LoadCascade(argv[1], {});
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.status().ToString().c_str());
    return 1;
  }
  std::vector<std::unique_ptr<StageExecutor>> executors;
  for (const StageSpec& stage : (*model)->spec().stages) {
    auto executor = (*model)->MakeExecutor(stage.index, "cpu");
    if (!executor.ok()) {
      std::fprintf(stderr, "%s\n", executor.status().ToString().c_str());
      return 1;
    }
    executors.push_back(*std::move(executor));
    StageExecutor* lane = executors.back().get();
    std::printf("%s: exact batch sizes", stage.name.c_str());
    for (int rows : lane->limits().batch_rows) std::printf(" %d", rows);
    std::printf("\n");
    for (const BatchCost& cost : lane->limits().costs) {
      const int rows = cost.rows;
      benchmark::RegisterBenchmark(
          absl::StrCat(stage.name, "/rows:", rows).c_str(),
          [lane, rows](benchmark::State& state) {
            StageLoop(state, *lane, rows);
          })
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
    }
  }
  for (int count : {1, 32}) {
    benchmark::RegisterBenchmark(absl::StrCat("cascade/images:", count).c_str(),
                                 [&executors, count](benchmark::State& state) {
                                   CascadeLoop(state, executors, count);
                                 })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
  std::printf("%s\n", BuildDescription().c_str());
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace cascade

int main(int argc, char** argv) { return cascade::Main(argc, argv); }
