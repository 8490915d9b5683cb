#pragma once

#include <optional>
#include <vector>

#include "models/sampling/diffusion_spec.h"
#include "models/sampling/noise_schedule.h"
#include "models/sampling/sampler_options.h"
#include "models/sampling/sampler_table.h"

// The samplers, one file each, behind CompileSampler(), which has checked the
// options.

namespace cascade {

// Where a sampler goes.
struct SamplerPath {
  const NoiseSchedule& schedule;  // The whole process, before respacing.
  std::optional<int> stop_timestep;

  // Of x after the last line.
  double end_alpha_bar() const {
    return stop_timestep.has_value() ? schedule.alpha_bar(*stop_timestep) : 1.0;
  }
};

std::vector<SamplerLine> DdpmLines(const SamplerPath& path,
                                   const DiffusionSpec& spec,
                                   const SamplerOptions& options);
std::vector<SamplerLine> DdimLines(const SamplerPath& path,
                                   const DiffusionSpec& spec,
                                   const SamplerOptions& options);
std::vector<SamplerLine> Dpmpp2mLines(const SamplerPath& path,
                                      const DiffusionSpec& spec,
                                      const SamplerOptions& options);

// The timesteps that options.num_steps steps visit, ascending: those above the
// path's stop.
std::vector<int> VisitedTimesteps(const SamplerPath& path,
                                  const SamplerOptions& options);

// A line at `timestep` of the process (what the network is told of it comes
// later) whose c_x and c_out turn the network's output into x0.
SamplerLine NetworkLine(PredictionType prediction, int timestep,
                        double alpha_bar);

}  // namespace cascade
