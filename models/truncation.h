#pragma once

#include <optional>

#include "absl/status/status.h"
#include "models/stage_spec.h"

namespace cascade {

// Truncated conditioning augmentation (Ho et al. 2022, section 4.1): the lower
// stage's reverse process stops at timestep s, and the upper stage gets z_s and
// is told s.

// Whether `upper`, which follows `lower`, can be handed z_s: its augmentation
// schedule is the process of `lower`, and it takes floats. INVALID_ARGUMENT
// with the reason if not.
absl::Status CheckTruncation(const StageSpec& lower, const StageSpec& upper);

// Where the stage below `upper` stops for augmentation level `level`, a
// timestep of its process. None: the level is a clean image's, and it does not.
std::optional<int> TruncationTimestep(const StageSpec& upper, double level);

}  // namespace cascade
