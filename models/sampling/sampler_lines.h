#pragma once

#include <vector>

#include "models/sampling/diffusion_spec.h"
#include "models/sampling/noise_schedule.h"
#include "models/sampling/sampler_options.h"
#include "models/sampling/sampler_table.h"

// The samplers, one file each, behind CompileSampler(), which has checked the
// options. `schedule` is the stage's whole training process.

namespace cascade {

std::vector<SamplerLine> DdpmLines(const NoiseSchedule& schedule,
                                   const DiffusionSpec& spec,
                                   const SamplerOptions& options);
std::vector<SamplerLine> DdimLines(const NoiseSchedule& schedule,
                                   const DiffusionSpec& spec,
                                   const SamplerOptions& options);
std::vector<SamplerLine> Dpmpp2mLines(const NoiseSchedule& schedule,
                                      const DiffusionSpec& spec,
                                      const SamplerOptions& options);

// The timesteps of options.num_steps steps, ascending; not for DPM-Solver++.
std::vector<int> SpacedTimesteps(const NoiseSchedule& schedule,
                                 const SamplerOptions& options);

// A line at `timestep` of the process (what the network is told of it comes
// later) whose c_x and c_out turn the network's output into x0.
SamplerLine NetworkLine(PredictionType prediction, int timestep,
                        double alpha_bar);

}  // namespace cascade
