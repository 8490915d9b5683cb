#include "models/sampling/sampler_table.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "models/sampling/karras_schedule.h"
#include "models/sampling/noise_conditioning.h"
#include "models/sampling/noise_schedule.h"
#include "models/sampling/sampler_check.h"
#include "models/sampling/sampler_lines.h"
#include "models/sampling/solver_point.h"
#include "models/sampling/timestep_spacing.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

absl::Status CheckStop(const SamplerPath& path, const SamplerOptions& options) {
  if (!path.stop_timestep.has_value()) return absl::OkStatus();
  const int last = path.schedule.num_timesteps() - 1;
  if (*path.stop_timestep < 0 || *path.stop_timestep > last) {
    return absl::InvalidArgumentError(absl::StrCat(
        "stop_timestep = ", *path.stop_timestep, " is not in 0..", last));
  }
  const std::vector<int> visited = VisitedTimesteps(path, options);
  if (!visited.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("stop_timestep = ", *path.stop_timestep, ": none of the ",
                   options.num_steps, " steps is above it"));
}

std::vector<SamplerLine> SolverLines(const SolverPath& path,
                                     const DiffusionSpec& spec,
                                     const SamplerOptions& options) {
  switch (options.kind) {
    case SamplerKind::kDdim:
      return DdimLines(path, options.eta);
    case SamplerKind::kDpmSolverPlusPlus2M:
      return Dpmpp2mLines(path);
    case SamplerKind::kHeun:
      return HeunLines(path);
    case SamplerKind::kUniPc3:
      return UniPcLines(path);
    case SamplerKind::kConsistency:
      return ConsistencyLines(path, spec.karras.sigma_min);
    case SamplerKind::kDdpm:
      break;  // No solver.
  }
  return {};
}

std::vector<SamplerLine> DiscreteLines(const SamplerPath& path,
                                       const DiffusionSpec& spec,
                                       const SamplerOptions& options) {
  if (options.kind == SamplerKind::kDdpm) return DdpmLines(path, spec, options);
  SolverPath solver;
  const std::vector<int> timesteps = VisitedTimesteps(path, options);
  for (size_t i = timesteps.size(); i-- > 0;) {
    solver.points.push_back(
        DiscretePoint(path.schedule, spec.prediction, timesteps[i]));
  }
  if (path.stop_timestep.has_value()) {
    solver.end =
        DiscretePoint(path.schedule, spec.prediction, *path.stop_timestep);
  }
  return SolverLines(solver, spec, options);
}

bool IsGuided(const GuidanceOptions& guidance, double noise_fraction) {
  return guidance.scale != 1 && noise_fraction >= guidance.interval_begin &&
         noise_fraction <= guidance.interval_end;
}

double NoiseFraction(double timestep, int num_timesteps) {
  return num_timesteps == 1 ? 1.0 : timestep / (num_timesteps - 1);
}

absl::StatusOr<SamplerTable> CompileDiscrete(const DiffusionSpec& spec,
                                             const SamplerOptions& options,
                                             std::optional<int> stop_timestep) {
  ASSIGN_OR_RETURN(const NoiseSchedule schedule, SampledProcess(spec, options));
  const SamplerPath path = {.schedule = schedule,
                            .stop_timestep = stop_timestep};
  RETURN_IF_ERROR(CheckStop(path, options));
  SamplerTable table;
  table.stop_timestep = stop_timestep;
  table.lines = DiscreteLines(path, spec, options);
  if (options.kind == SamplerKind::kHeun) {
    // It does not start at the end of the process, but where sigma is 80.
    const int first = static_cast<int>(table.lines.front().timestep);
    table.initial_scale = std::sqrt(1 - schedule.alpha_bar(first));
  }
  const NoiseSchedule training(spec.schedule, spec.num_timesteps);
  for (SamplerLine& line : table.lines) {
    const int timestep = static_cast<int>(line.timestep);
    const double alpha_bar = schedule.alpha_bar(timestep);
    const double trained = options.schedule.has_value()
                               ? training.TimestepAt(alpha_bar)
                               : timestep;
    line.guided =
        IsGuided(options.guidance, NoiseFraction(trained, spec.num_timesteps));
    line.timestep = ToldNoise(spec.conditioning, timestep, alpha_bar);
  }
  return table;
}

// The sigmas that `options` visits, descending.
std::vector<double> SigmasOf(const DiffusionSpec& spec,
                             const SamplerOptions& options) {
  if (options.kind != SamplerKind::kConsistency) {
    return KarrasSigmas(spec.karras, options.num_steps);
  }
  const int last = spec.num_timesteps - 1;
  std::vector<int> grid_points = options.grid_points;
  if (grid_points.size() != static_cast<size_t>(options.num_steps)) {
    // Counted from the clean end.
    grid_points = SolverTimesteps(spec.num_timesteps, options.num_steps);
    std::reverse(grid_points.begin(), grid_points.end());
    for (int& point : grid_points) point = last - point;
  }
  std::vector<double> sigmas;
  for (int point : grid_points) {
    sigmas.push_back(KarrasSigma(
        spec.karras, last == 0 ? 0 : static_cast<double>(point) / last));
  }
  return sigmas;
}

absl::StatusOr<SamplerTable> CompileKarras(const DiffusionSpec& spec,
                                           const SamplerOptions& options,
                                           std::optional<int> stop_timestep) {
  if (stop_timestep.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("stop_timestep = ", *stop_timestep,
                     ": schedule karras has no timesteps to stop at"));
  }
  SolverPath path;
  for (double sigma : SigmasOf(spec, options)) {
    SolverPoint point = KarrasPoint(spec, sigma);
    point.line.guided =
        IsGuided(options.guidance, KarrasNoiseFraction(spec.karras, sigma));
    path.points.push_back(point);
  }
  SamplerTable table;
  table.initial_scale = spec.karras.sigma_max;
  table.lines = SolverLines(path, spec, options);
  return table;
}

}  // namespace

std::vector<int> VisitedTimesteps(const SamplerPath& path,
                                  const SamplerOptions& options) {
  const int total = path.schedule.num_timesteps();
  std::vector<int> timesteps;
  if (options.kind == SamplerKind::kDpmSolverPlusPlus2M ||
      options.kind == SamplerKind::kUniPc3) {
    timesteps = SolverTimesteps(total, options.num_steps);
  } else if (options.kind == SamplerKind::kHeun) {
    timesteps = KarrasTimesteps(path.schedule, options.num_steps);
  } else if (options.spacing == TimestepSpacing::kStride) {
    timesteps = StrideTimesteps(total, options.num_steps);
  } else {
    timesteps = EvenTimesteps(total, options.num_steps);
  }
  std::erase_if(timesteps, [&](int t) {
    return path.stop_timestep.has_value() && t <= *path.stop_timestep;
  });
  return timesteps;
}

int RowsFrom(const SamplerTable& table, int first_line) {
  int rows = 0;
  for (size_t i = static_cast<size_t>(first_line); i < table.lines.size();
       ++i) {
    rows += RowsOf(table.lines[i]);
  }
  return rows;
}

absl::StatusOr<SamplerTable> CompileSampler(const DiffusionSpec& spec,
                                            const SamplerOptions& options,
                                            std::optional<int> stop_timestep) {
  RETURN_IF_ERROR(CheckSampler(spec, options));
  const auto compile =
      spec.schedule == ScheduleKind::kKarras ? CompileKarras : CompileDiscrete;
  ASSIGN_OR_RETURN(SamplerTable table, compile(spec, options, stop_timestep));
  table.guidance_scale = options.guidance.scale;
  table.learned_variance = spec.variance == VarianceKind::kLearnedRange;
  for (SamplerLine& line : table.lines) line.threshold = options.threshold;
  return table;
}

}  // namespace cascade
