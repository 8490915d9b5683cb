// One evaluation of a stage's network, again and again: the modules, or the
// inference plan.
//
//   plan_bench PACKAGE [--stage K] [--engine modules|plan] [--precision
//       fp32|bf16] [--batch N] [--threads N] [--steps N | --serve]
//
// Prints the median of --steps evaluations. --serve, for tests/bench/peers:
// answers each line of its standard input with the seconds that one took.

#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "models/nn/input_rows.h"
#include "models/nn/unet.h"
#include "models/plan/unet_plan.h"
#include "models/weights/cascade_manifest.h"
#include "models/weights/module_weights.h"
#include "models/weights/stage_source.h"
#include "server/base/status_macros.h"
#include "tests/bench/bench_settings.h"

namespace cascade {
namespace {

constexpr int kWarmUpSteps = 3;

struct PlanSettings : BenchSettings {
  size_t stage = 0;
  std::string engine = "plan";
};

absl::Status MeasureSteps(const PlanSettings& settings,
                          const std::function<void()>& step) {
  for (int i = 0; i < kWarmUpSteps; ++i) step();
  return Measure(settings, settings.engine, [&] {
    step();
    return absl::OkStatus();
  });
}

absl::Status Run(const PlanSettings& settings) {
  ASSIGN_OR_RETURN(const CascadeManifest manifest,
                   ReadManifest(settings.package));
  if (settings.stage >= manifest.stages.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--stage ", settings.stage, ": the package has ",
                     manifest.stages.size(), " stages, from 0 on"));
  }
  const StageManifest& stage = manifest.stages[settings.stage];
  ASSIGN_OR_RETURN(const SafetensorsFile weights,
                   ReadStageWeights(settings.package, stage));
  nn::UNet unet(stage.network);
  RETURN_IF_ERROR(LoadModuleWeights(weights, unet));
  unet.eval();
  at::set_num_threads(settings.threads);
  const at::NoGradGuard no_grad;
  const nn::UNetInput input =
      nn::RandomInput(stage.spec, settings.batch, at::kCPU);
  if (settings.engine == "modules") {
    return MeasureSteps(settings, [&] { unet.forward(input); });
  }
  const UNetPlan plan(
      unet, {.dtype = settings.precision == "bf16" ? at::kBFloat16 : at::kFloat,
             .size = stage.spec.resolution,
             .batch = settings.batch});
  return MeasureSteps(settings, [&] { plan.Run(input); });
}

}  // namespace
}  // namespace cascade

int main(int argc, char** argv) {
  cascade::PlanSettings settings;
  CLI::App app("One evaluation of a stage's network, again and again.");
  settings.AddTo(app, "--steps");
  app.add_option("--stage", settings.stage);
  app.add_option("--engine", settings.engine)
      ->check(CLI::IsMember({"modules", "plan"}));
  CLI11_PARSE(app, argc, argv);
  return cascade::ExitStatus("plan_bench", cascade::Run(settings));
}
