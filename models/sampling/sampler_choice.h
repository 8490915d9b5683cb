#pragma once

#include "models/sampling/sampler_options.h"

namespace cascade {

// Changes a package's default to another sampler. What belongs to the sampler
// that it was (eta, the spacing, the points of a grid) goes with it; steps,
// guidance, threshold and schedule stay. Nothing changes for the same sampler.
// Whether a stage can be run so, CompileSampler() says.
void ChooseSampler(SamplerKind kind, SamplerOptions& options);

}  // namespace cascade
