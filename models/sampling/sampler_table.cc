#include "models/sampling/sampler_table.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "models/sampling/noise_conditioning.h"
#include "models/sampling/noise_schedule.h"
#include "models/sampling/sampler_lines.h"
#include "models/sampling/timestep_spacing.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr int kMaxTimesteps = 100000;
constexpr double kMaxGuidanceScale = 100;

absl::Status NotInRange(absl::string_view option, double value,
                        absl::string_view range) {
  return absl::InvalidArgumentError(
      absl::StrCat(option, " = ", value, " is not in ", range));
}

// False for NaN.
bool InRange(double value, double low, double high) {
  return value >= low && value <= high;
}

absl::Status CheckGuidance(const GuidanceOptions& guidance) {
  if (!InRange(guidance.scale, 0, kMaxGuidanceScale)) {
    return NotInRange("guidance.scale", guidance.scale, "0..100");
  }
  if (!InRange(guidance.interval_begin, 0, 1)) {
    return NotInRange("guidance.interval_begin", guidance.interval_begin,
                      "0..1");
  }
  if (!InRange(guidance.interval_end, 0, 1)) {
    return NotInRange("guidance.interval_end", guidance.interval_end, "0..1");
  }
  if (guidance.interval_begin > guidance.interval_end) {
    return absl::InvalidArgumentError(absl::StrCat(
        "guidance.interval_begin = ", guidance.interval_begin,
        " is above guidance.interval_end = ", guidance.interval_end));
  }
  return absl::OkStatus();
}

absl::Status CheckOptions(const DiffusionSpec& spec,
                          const SamplerOptions& options) {
  if (spec.num_timesteps < 1 || spec.num_timesteps > kMaxTimesteps) {
    return NotInRange("num_timesteps", spec.num_timesteps,
                      absl::StrCat("1..", kMaxTimesteps));
  }
  if (options.num_steps < 1 || options.num_steps > spec.num_timesteps) {
    return NotInRange("num_steps", options.num_steps,
                      absl::StrCat("1..", spec.num_timesteps));
  }
  if (!InRange(options.eta, 0, 1)) {
    return NotInRange("eta", options.eta, "0..1");
  }
  if (options.eta != 0 && options.kind != SamplerKind::kDdim) {
    return absl::InvalidArgumentError(
        absl::StrCat("eta = ", options.eta, ": only DDIM takes eta"));
  }
  if (options.spacing != TimestepSpacing::kEven &&
      options.kind == SamplerKind::kDpmSolverPlusPlus2M) {
    return absl::InvalidArgumentError(
        "spacing = stride: DPM-Solver++ is spaced evenly only");
  }
  return CheckGuidance(options.guidance);
}

absl::StatusOr<std::vector<SamplerLine>> CompileLines(
    const NoiseSchedule& schedule, const DiffusionSpec& spec,
    const SamplerOptions& options) {
  switch (options.kind) {
    case SamplerKind::kDdpm:
      return DdpmLines(schedule, spec, options);
    case SamplerKind::kDdim:
      return DdimLines(schedule, spec, options);
    case SamplerKind::kDpmSolverPlusPlus2M:
      return Dpmpp2mLines(schedule, spec, options);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "kind = ", static_cast<int>(options.kind), " is not a sampler"));
}

bool IsGuided(const GuidanceOptions& guidance, double timestep,
              int num_timesteps) {
  if (guidance.scale == 1) return false;
  const double noise_fraction =
      num_timesteps == 1 ? 1.0 : timestep / (num_timesteps - 1);
  return InRange(noise_fraction, guidance.interval_begin,
                 guidance.interval_end);
}

}  // namespace

std::vector<int> SpacedTimesteps(const NoiseSchedule& schedule,
                                 const SamplerOptions& options) {
  return options.spacing == TimestepSpacing::kStride
             ? StrideTimesteps(schedule.num_timesteps(), options.num_steps)
             : EvenTimesteps(schedule.num_timesteps(), options.num_steps);
}

SamplerLine NetworkLine(PredictionType prediction, int timestep,
                        double alpha_bar) {
  SamplerLine line;
  line.timestep = timestep;
  switch (prediction) {
    case PredictionType::kEpsilon:
      line.c_x = std::sqrt(1 / alpha_bar);
      line.c_out = -std::sqrt(1 / alpha_bar - 1);
      break;
    case PredictionType::kVelocity:
      line.c_x = std::sqrt(alpha_bar);
      line.c_out = -std::sqrt(1 - alpha_bar);
      break;
    case PredictionType::kSample:
      line.c_x = 0;
      line.c_out = 1;
      break;
  }
  return line;
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
                                            const SamplerOptions& options) {
  RETURN_IF_ERROR(CheckOptions(spec, options));
  const NoiseSchedule schedule(spec.schedule, spec.num_timesteps);
  SamplerTable table;
  table.guidance_scale = options.guidance.scale;
  table.learned_variance = spec.variance == VarianceKind::kLearnedRange;
  ASSIGN_OR_RETURN(table.lines, CompileLines(schedule, spec, options));
  for (SamplerLine& line : table.lines) {
    const int timestep = static_cast<int>(line.timestep);
    line.guided = IsGuided(options.guidance, timestep, spec.num_timesteps);
    line.timestep =
        ToldNoise(spec.conditioning, timestep, schedule.alpha_bar(timestep));
  }
  return table;
}

}  // namespace cascade
