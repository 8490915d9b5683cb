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
// The cosine schedule of kMaxTimesteps ends at 2.4e-13.
constexpr double kMinAlphaBar = 1e-14;

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

absl::Status CheckThreshold(const ThresholdOptions& threshold) {
  const ThresholdOptions defaults;
  if (threshold.kind != ThresholdKind::kDynamic) {
    if (threshold.quantile == defaults.quantile &&
        threshold.max == defaults.max) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "threshold.quantile = ", threshold.quantile, ", threshold.max = ",
        threshold.max, ": only a dynamic threshold takes them"));
  }
  if (!InRange(threshold.quantile, 0, 1)) {
    return NotInRange("threshold.quantile", threshold.quantile, "0..1");
  }
  if (!(threshold.max >= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("threshold.max = ", threshold.max, " is below 1"));
  }
  return absl::OkStatus();
}

absl::Status CheckSchedule(const DiffusionSpec& spec,
                           const SamplingSchedule& schedule) {
  if (spec.conditioning != NoiseConditioning::kNoiseLevel) {
    return absl::InvalidArgumentError(
        "schedule: the network is told timesteps of the schedule that it was "
        "trained with, and knows no other");
  }
  if (schedule.num_timesteps < 1 || schedule.num_timesteps > kMaxTimesteps) {
    return NotInRange("schedule.num_timesteps", schedule.num_timesteps,
                      absl::StrCat("1..", kMaxTimesteps));
  }
  if (!schedule.betas.has_value()) return absl::OkStatus();
  const auto [begin, end] = *schedule.betas;
  if (schedule.kind != ScheduleKind::kLinear) {
    return absl::InvalidArgumentError(absl::StrCat(
        "schedule.beta_begin = ", begin, ", schedule.beta_end = ", end,
        ": only a linear schedule takes them"));
  }
  if (!(begin > 0 && begin < 1)) {
    return NotInRange("schedule.beta_begin", begin, "0..1, both excluded");
  }
  if (!(end >= begin && end < 1)) {
    return NotInRange(
        "schedule.beta_end", end,
        absl::StrCat("schedule.beta_begin (", begin, ")..1, 1 excluded"));
  }
  return absl::OkStatus();
}

absl::StatusOr<NoiseSchedule> ProcessOf(const DiffusionSpec& spec,
                                        const SamplerOptions& options) {
  if (spec.num_timesteps < 1 || spec.num_timesteps > kMaxTimesteps) {
    return NotInRange("num_timesteps", spec.num_timesteps,
                      absl::StrCat("1..", kMaxTimesteps));
  }
  if (!options.schedule.has_value()) {
    return NoiseSchedule(spec.schedule, spec.num_timesteps);
  }
  RETURN_IF_ERROR(CheckSchedule(spec, *options.schedule));
  const auto& [kind, num_timesteps, betas] = *options.schedule;
  NoiseSchedule schedule =
      betas.has_value()
          ? NoiseSchedule::Linear(num_timesteps, betas->begin, betas->end)
          : NoiseSchedule(kind, num_timesteps);
  const double last = schedule.alpha_bar(num_timesteps - 1);
  if (last < kMinAlphaBar) {
    return absl::InvalidArgumentError(
        absl::StrCat("schedule: its last alpha_bar is ", last,
                     ", too little to divide by (at least ", kMinAlphaBar,
                     "): take smaller betas or fewer timesteps"));
  }
  return schedule;
}

absl::Status CheckOptions(const NoiseSchedule& schedule,
                          const SamplerOptions& options) {
  if (options.num_steps < 1 || options.num_steps > schedule.num_timesteps()) {
    return NotInRange("num_steps", options.num_steps,
                      absl::StrCat("1..", schedule.num_timesteps()));
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
  RETURN_IF_ERROR(CheckThreshold(options.threshold));
  return CheckGuidance(options.guidance);
}

absl::Status CheckStop(const SamplerPath& path, const SamplerOptions& options) {
  if (!path.stop_timestep.has_value()) return absl::OkStatus();
  const int last = path.schedule.num_timesteps() - 1;
  if (*path.stop_timestep < 0 || *path.stop_timestep > last) {
    return NotInRange("stop_timestep", *path.stop_timestep,
                      absl::StrCat("0..", last));
  }
  const std::vector<int> visited = VisitedTimesteps(path, options);
  if (!visited.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("stop_timestep = ", *path.stop_timestep, ": none of the ",
                   options.num_steps, " steps is above it"));
}

absl::StatusOr<std::vector<SamplerLine>> CompileLines(
    const SamplerPath& path, const DiffusionSpec& spec,
    const SamplerOptions& options) {
  switch (options.kind) {
    case SamplerKind::kDdpm:
      return DdpmLines(path, spec, options);
    case SamplerKind::kDdim:
      return DdimLines(path, spec, options);
    case SamplerKind::kDpmSolverPlusPlus2M:
      return Dpmpp2mLines(path, spec, options);
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

std::vector<int> VisitedTimesteps(const SamplerPath& path,
                                  const SamplerOptions& options) {
  const int total = path.schedule.num_timesteps();
  std::vector<int> timesteps;
  if (options.kind == SamplerKind::kDpmSolverPlusPlus2M) {
    timesteps = SolverTimesteps(total, options.num_steps);
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
                                            const SamplerOptions& options,
                                            std::optional<int> stop_timestep) {
  ASSIGN_OR_RETURN(const NoiseSchedule schedule, ProcessOf(spec, options));
  RETURN_IF_ERROR(CheckOptions(schedule, options));
  const SamplerPath path = {.schedule = schedule,
                            .stop_timestep = stop_timestep};
  RETURN_IF_ERROR(CheckStop(path, options));
  SamplerTable table;
  table.guidance_scale = options.guidance.scale;
  table.learned_variance = spec.variance == VarianceKind::kLearnedRange;
  table.stop_timestep = stop_timestep;
  ASSIGN_OR_RETURN(table.lines, CompileLines(path, spec, options));
  const NoiseSchedule training(spec.schedule, spec.num_timesteps);
  for (SamplerLine& line : table.lines) {
    const int timestep = static_cast<int>(line.timestep);
    const double alpha_bar = schedule.alpha_bar(timestep);
    const double trained = options.schedule.has_value()
                               ? training.TimestepAt(alpha_bar)
                               : timestep;
    line.guided = IsGuided(options.guidance, trained, spec.num_timesteps);
    line.timestep = ToldNoise(spec.conditioning, timestep, alpha_bar);
    line.threshold = options.threshold;
  }
  return table;
}

}  // namespace cascade
