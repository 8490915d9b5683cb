#pragma once

#include <optional>
#include <vector>

#include "models/sampling/diffusion_spec.h"
#include "models/sampling/noise_schedule.h"
#include "models/sampling/sampler_options.h"
#include "models/sampling/sampler_table.h"
#include "models/sampling/solver_point.h"

// The samplers, one file each, behind CompileSampler(), which has checked the
// options. Ancestral sampling knows the steps of a discrete process; the others
// are solvers, which know noise levels.

namespace cascade {

// Where a sampler of a discrete process goes.
struct SamplerPath {
  const NoiseSchedule& schedule;  // The whole process, before respacing.
  std::optional<int> stop_timestep;
};

// The timesteps that options.num_steps steps visit, ascending: those above the
// path's stop.
std::vector<int> VisitedTimesteps(const SamplerPath& path,
                                  const SamplerOptions& options);

std::vector<SamplerLine> DdpmLines(const SamplerPath& path,
                                   const DiffusionSpec& spec,
                                   const SamplerOptions& options);

// Where a solver goes.
struct SolverPath {
  std::vector<SolverPoint> points;  // At least one; the noisiest first.
  SolverPoint end = {};             // By default the clean image.

  // Where the step from points[i] ends.
  const SolverPoint& After(size_t i) const {
    return i + 1 < points.size() ? points[i + 1] : end;
  }
};

// One line a point.
std::vector<SamplerLine> DdimLines(const SolverPath& path, double eta);
std::vector<SamplerLine> Dpmpp2mLines(const SolverPath& path);
std::vector<SamplerLine> UniPcLines(const SolverPath& path);
// Two lines a point, the second where the step ends; one if that is clean.
std::vector<SamplerLine> HeunLines(const SolverPath& path);
// One line a point, of a consistency model.
std::vector<SamplerLine> ConsistencyLines(const SolverPath& path,
                                          double sigma_min);

}  // namespace cascade
