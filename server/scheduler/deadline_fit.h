#pragma once

#include <optional>
#include <span>
#include <vector>

#include "absl/time/time.h"

namespace cascade {

// What a best-effort request gives up to be done in time: a pure function.

struct StageBudget {
  int steps = 1;  // Asked for.
  // One network evaluation of the whole job in this stage, as predicted.
  absl::Duration step_time = absl::ZeroDuration();
  // Network evaluations a step: two of some samplers; less than one where the
  // stage stops early for the next one's augmentation.
  double evaluations_per_step = 1;
  // The same where it is the target stage, which never stops early.
  double evaluations_per_target_step = 1;
};

struct DeadlineFit {
  int target_stage = 0;
  std::vector<int> steps = {};  // By stage 0..target_stage.
  bool reduced = false;         // Less than asked for.

  bool operator==(const DeadlineFit&) const = default;
};

// The most that fits into `time`: all steps; else the same fraction of the
// steps of every stage, rounded down, but not below a quarter of them (rounded
// up); else the same with a lower target stage.
// None when even the first stage with its fewest steps does not fit. Stages
// before `first_stage` take no time and keep their steps. `stages` holds at
// least those up to `target_stage`.
std::optional<DeadlineFit> FitDeadline(std::span<const StageBudget> stages,
                                       int first_stage, int target_stage,
                                       absl::Duration time);

}  // namespace cascade
