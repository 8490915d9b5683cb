#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/sampling/diffusion_spec.h"
#include "models/sampling/noise_schedule.h"
#include "models/sampling/sampler_options.h"

namespace cascade {

// The samplers that a stage trained as `spec` runs, in the order of the
// enumerators.
std::vector<SamplerKind> SamplersOf(const DiffusionSpec& spec);

// What CompileSampler() refuses, without compiling.
absl::Status CheckSampler(const DiffusionSpec& spec,
                          const SamplerOptions& options);

// The discrete process that `options` samples: the one of `spec`, or the one
// that was chosen after training. INVALID_ARGUMENT for one that cannot be. Not
// for kKarras.
absl::StatusOr<NoiseSchedule> SampledProcess(const DiffusionSpec& spec,
                                             const SamplerOptions& options);

}  // namespace cascade
