#include "server/scheduler/deadline_fit.h"

#include <algorithm>
#include <cmath>

namespace cascade {
namespace {

constexpr int kFewestPart = 4;  // A quarter.

// Of a stage at the fraction part / parts.
int Steps(const StageBudget& stage, int part, int parts) {
  const int fewest = (stage.steps + kFewestPart - 1) / kFewestPart;
  return std::max(fewest, stage.steps * part / parts);
}

// Rounded up: a stage has one at least.
absl::Duration TimeOf(const StageBudget& stage, int steps, bool is_target) {
  const double evaluations =
      steps * (is_target ? stage.evaluations_per_target_step
                         : stage.evaluations_per_step);
  return std::ceil(evaluations) * stage.step_time;
}

// The largest fraction, in steps of the longest stage, that fits. The last
// stage is the target.
std::optional<std::vector<int>> FitSteps(std::span<const StageBudget> stages,
                                         absl::Duration time) {
  int parts = 1;
  for (const StageBudget& stage : stages) parts = std::max(parts, stage.steps);
  for (int part = parts; part >= 0; --part) {
    std::vector<int> steps;
    absl::Duration needed;
    for (const StageBudget& stage : stages) {
      steps.push_back(Steps(stage, part, parts));
      needed += TimeOf(stage, steps.back(), &stage == &stages.back());
    }
    if (needed <= time) return steps;
  }
  return std::nullopt;
}

}  // namespace

std::optional<DeadlineFit> FitDeadline(std::span<const StageBudget> stages,
                                       int first_stage, int target_stage,
                                       absl::Duration time) {
  const size_t first = static_cast<size_t>(first_stage);
  for (int target = target_stage; target >= first_stage; --target) {
    const auto run =
        stages.first(static_cast<size_t>(target) + 1).subspan(first);
    const std::optional<std::vector<int>> steps = FitSteps(run, time);
    if (!steps.has_value()) continue;
    DeadlineFit fit = {.target_stage = target,
                       .reduced = target < target_stage};
    for (const StageBudget& stage : stages.first(first)) {
      fit.steps.push_back(stage.steps);
    }
    for (size_t k = 0; k < run.size(); ++k) {
      fit.steps.push_back((*steps)[k]);
      fit.reduced = fit.reduced || (*steps)[k] < run[k].steps;
    }
    return fit;
  }
  return std::nullopt;
}

}  // namespace cascade
