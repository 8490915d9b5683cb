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
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "models/nn/input_rows.h"
#include "models/nn/unet.h"
#include "models/plan/unet_plan.h"
#include "models/weights/cascade_manifest.h"
#include "models/weights/module_weights.h"
#include "models/weights/stage_source.h"

namespace cascade {
namespace {

struct Settings {
  std::string package;
  size_t stage = 0;
  std::string engine = "plan";
  std::string precision = "fp32";
  int64_t batch = 8;
  int threads = 1;
  int steps = 20;
  bool serve = false;
};

double Seconds(const std::function<void()>& evaluate) {
  const auto start = std::chrono::steady_clock::now();
  evaluate();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

void Measure(const Settings& settings, const std::function<void()>& evaluate) {
  for (int i = 0; i < 3; ++i) evaluate();
  if (settings.serve) {
    for (std::string line; std::getline(std::cin, line);) {
      std::printf("%.9f\n", Seconds(evaluate));
      std::fflush(stdout);
    }
    return;
  }
  std::vector<double> seconds(static_cast<size_t>(settings.steps));
  for (double& second : seconds) second = Seconds(evaluate);
  std::nth_element(seconds.begin(), seconds.begin() + settings.steps / 2,
                   seconds.end());
  std::printf("%s %s, batch %d, %d threads: %.2f ms\n", settings.engine.c_str(),
              settings.precision.c_str(), static_cast<int>(settings.batch),
              settings.threads,
              seconds[static_cast<size_t>(settings.steps / 2)] * 1e3);
}

int Run(const Settings& settings) {
  const auto manifest = ReadManifest(settings.package);
  if (!manifest.ok() || settings.stage >= manifest->stages.size()) {
    std::fprintf(stderr, "plan_bench: %s\n",
                 manifest.ok() ? "there is no such --stage"
                               : manifest.status().ToString().c_str());
    return 1;
  }
  const StageManifest& stage = manifest->stages[settings.stage];
  const auto weights = ReadStageWeights(settings.package, stage);
  nn::UNet unet(stage.network);
  const absl::Status loaded =
      weights.ok() ? LoadModuleWeights(*weights, unet) : weights.status();
  if (!loaded.ok()) {
    std::fprintf(stderr, "plan_bench: %s\n", loaded.ToString().c_str());
    return 1;
  }
  unet.eval();
  at::set_num_threads(settings.threads);
  const at::NoGradGuard no_grad;
  const nn::UNetInput input =
      nn::RandomInput(stage.spec, settings.batch, at::kCPU);
  if (settings.engine == "modules") {
    Measure(settings, [&] { unet.forward(input); });
  } else {
    const UNetPlan plan(
        unet,
        {.dtype = settings.precision == "bf16" ? at::kBFloat16 : at::kFloat,
         .size = stage.spec.resolution,
         .batch = settings.batch});
    Measure(settings, [&] { plan.Run(input); });
  }
  return 0;
}

}  // namespace
}  // namespace cascade

int main(int argc, char** argv) {
  cascade::Settings settings;
  CLI::App app("One evaluation of a stage's network, again and again.");
  app.add_option("PACKAGE", settings.package)->required();
  app.add_option("--stage", settings.stage);
  app.add_option("--engine", settings.engine)
      ->check(CLI::IsMember({"modules", "plan"}));
  app.add_option("--precision", settings.precision)
      ->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--batch", settings.batch)->check(CLI::Range(1, 1024));
  app.add_option("--threads", settings.threads)->check(CLI::Range(1, 1024));
  app.add_option("--steps", settings.steps)->check(CLI::Range(1, 1'000'000));
  app.add_flag("--serve", settings.serve);
  CLI11_PARSE(app, argc, argv);
  return cascade::Run(settings);
}
