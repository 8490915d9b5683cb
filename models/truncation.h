#pragma once

#include <optional>

#include "absl/status/status.h"
#include "models/sampling/sampler_options.h"
#include "models/stage_spec.h"

namespace cascade {

// Truncated conditioning augmentation (Ho et al. 2022, section 4.1): the lower
// stage's reverse process stops at timestep s, and the upper stage gets z_s and
// is told s.

// Whether `upper`, which follows `lower`, can be handed z_s by a run of `lower`
// with `lower_sampler`: its augmentation schedule is the process of `lower`, it
// takes floats, and the run is of the schedule that `lower` was trained with.
// INVALID_ARGUMENT with the reason if not.
absl::Status CheckTruncation(const StageSpec& lower,
                             const SamplerOptions& lower_sampler,
                             const StageSpec& upper);

// Where the stage below `upper` stops for augmentation level `level`, a
// timestep of its process. None: the level is a clean image's, and it does not.
std::optional<int> TruncationTimestep(const StageSpec& upper, double level);

// The level of index `index` of the augmentation of `upper`, in 0..max_level:
// the index of the largest level, rounded up, stands for that level.
double LevelOfIndex(const StageSpec& upper, int index);

}  // namespace cascade
