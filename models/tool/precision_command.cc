#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "models/evaluation/precision_distance.h"
#include "models/tool/commands.h"
#include "models/tool/exit_status.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

struct PrecisionArguments {
  std::string package;
  uint64_t seed = 0;
  int count = 64;
};

// Milliseconds of a step of the size that costs least for a row; of one lane.
absl::StatusOr<double> MillisecondsPerRow(const CascadeModel& model,
                                          int stage) {
  ASSIGN_OR_RETURN(const auto executor, model.MakeExecutor(stage, "cpu"));
  double best = 0;
  for (const BatchCost& cost : executor->limits().costs) {
    const double row = 1e3 * cost.step_seconds / cost.rows;
    best = best == 0 ? row : std::min(best, row);
  }
  return best;
}

absl::StatusOr<std::unique_ptr<CascadeModel>> LoadIn(
    const PrecisionArguments& arguments, Precision precision) {
  LoadOptions options;
  options.precision = precision;
  return LoadCascade(arguments.package, options);
}

absl::Status RunPrecision(const PrecisionArguments& arguments) {
  ASSIGN_OR_RETURN(const auto fp32, LoadIn(arguments, Precision::kFp32));
  ASSIGN_OR_RETURN(const auto bf16, LoadIn(arguments, Precision::kBf16));
  ASSIGN_OR_RETURN(
      const std::vector<PrecisionDistance> distances,
      MeasurePrecisionDistances(*fp32, *bf16, arguments.seed, arguments.count));
  std::printf("%s\n%-12s %14s %10s %14s %14s\n", BuildDescription().c_str(),
              "stage", "bf16_distance", "largest", "fp32 ms/row",
              "bf16 ms/row");
  for (size_t k = 0; k < distances.size(); ++k) {
    const int stage = static_cast<int>(k);
    ASSIGN_OR_RETURN(const double fp32_cost, MillisecondsPerRow(*fp32, stage));
    ASSIGN_OR_RETURN(const double bf16_cost, MillisecondsPerRow(*bf16, stage));
    std::printf("%-12s %14.3f %10d %14.2f %14.2f\n",
                fp32->spec().stages[k].name.c_str(),
                distances[k].root_mean_square, distances[k].largest, fp32_cost,
                bf16_cost);
  }
  return absl::OkStatus();
}

}  // namespace

void AddPrecisionCommand(CLI::App& app) {
  auto arguments = std::make_shared<PrecisionArguments>();
  CLI::App* command = app.add_subcommand(
      "precision",
      "Measures on the CPU how far each stage's images in bf16 are from those "
      "in fp32, in levels of 8 bits, and what both cost: the bf16_distance of "
      "cascade.json.");
  command->add_option("package", arguments->package, "Folder of the package")
      ->required();
  command->add_option("--seed", arguments->seed, "Seed of the first image")
      ->capture_default_str();
  command->add_option("--count", arguments->count, "How many images")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->callback([arguments] { ExitUnlessOk(RunPrecision(*arguments)); });
}

}  // namespace cascade
