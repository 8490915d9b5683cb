#include "models/sampling/sampler_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "models/sampling/sampler_name.h"
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
  if (schedule.kind == ScheduleKind::kKarras) {
    return absl::InvalidArgumentError(
        "schedule.kind = karras: noise levels are those of a linear or cosine "
        "schedule");
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

absl::string_view NameOf(const DiffusionSpec& spec) {
  if (spec.schedule != ScheduleKind::kKarras) return "a discrete process";
  return spec.prediction == PredictionType::kConsistency ? "a consistency model"
                                                         : "a process in sigma";
}

absl::Status CheckKind(const DiffusionSpec& spec, SamplerKind kind) {
  const std::vector<SamplerKind> kinds = SamplersOf(spec);
  if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) {
    return absl::OkStatus();
  }
  const std::string names =
      absl::StrJoin(kinds, ", ", [](std::string* text, SamplerKind other) {
        absl::StrAppend(text, SamplerName(other));
      });
  return absl::InvalidArgumentError(absl::StrCat("kind = ", SamplerName(kind),
                                                 ": ", NameOf(spec),
                                                 " is sampled by ", names));
}

absl::Status CheckSpacing(const DiffusionSpec& spec,
                          const SamplerOptions& options) {
  if (options.spacing == TimestepSpacing::kEven) return absl::OkStatus();
  const bool can_stride = spec.schedule != ScheduleKind::kKarras &&
                          (options.kind == SamplerKind::kDdpm ||
                           options.kind == SamplerKind::kDdim);
  if (can_stride) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("spacing = stride: ", SamplerName(options.kind), " on ",
                   NameOf(spec), " has no timesteps to stride over"));
}

absl::Status CheckGridPoints(const DiffusionSpec& spec,
                             const SamplerOptions& options) {
  const std::vector<int>& points = options.grid_points;
  if (points.empty()) return absl::OkStatus();
  const std::string text =
      absl::StrCat("grid_points = ", absl::StrJoin(points, ", "), ": ");
  if (options.kind != SamplerKind::kConsistency) {
    return absl::InvalidArgumentError(
        absl::StrCat(text, "only consistency sampling takes them"));
  }
  if (points.front() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(text, "the first must be 0, where noise is"));
  }
  for (size_t i = 1; i < points.size(); ++i) {
    if (points[i] <= points[i - 1]) {
      return absl::InvalidArgumentError(absl::StrCat(text, "must ascend"));
    }
  }
  const int end = spec.num_timesteps - 1;
  if (points.back() > 0 && points.back() >= end) {
    return absl::InvalidArgumentError(absl::StrCat(
        text, "must be below ", end, ", which is the clean end of the grid"));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<SamplerKind> SamplersOf(const DiffusionSpec& spec) {
  // A consistency model estimates where the ODE ends, not the mean of x0 that
  // the slopes of the solvers need.
  if (spec.prediction == PredictionType::kConsistency) {
    return {SamplerKind::kConsistency};
  }
  if (spec.schedule == ScheduleKind::kKarras) {
    return {SamplerKind::kDdim, SamplerKind::kDpmSolverPlusPlus2M,
            SamplerKind::kHeun, SamplerKind::kUniPc3};
  }
  return {SamplerKind::kDdpm, SamplerKind::kDdim,
          SamplerKind::kDpmSolverPlusPlus2M, SamplerKind::kHeun,
          SamplerKind::kUniPc3};
}

absl::StatusOr<NoiseSchedule> SampledProcess(const DiffusionSpec& spec,
                                             const SamplerOptions& options) {
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

absl::Status CheckSampler(const DiffusionSpec& spec,
                          const SamplerOptions& options) {
  RETURN_IF_ERROR(CheckDiffusion(spec));
  RETURN_IF_ERROR(CheckKind(spec, options.kind));
  int max_steps = spec.num_timesteps;
  if (options.schedule.has_value()) {
    RETURN_IF_ERROR(SampledProcess(spec, options).status());
    max_steps = options.schedule->num_timesteps;
  }
  if (options.num_steps < 1 || options.num_steps > max_steps) {
    return NotInRange("num_steps", options.num_steps,
                      absl::StrCat("1..", max_steps));
  }
  if (!InRange(options.eta, 0, 1)) {
    return NotInRange("eta", options.eta, "0..1");
  }
  if (options.eta != 0 && options.kind != SamplerKind::kDdim) {
    return absl::InvalidArgumentError(
        absl::StrCat("eta = ", options.eta, ": only DDIM takes eta"));
  }
  RETURN_IF_ERROR(CheckSpacing(spec, options));
  RETURN_IF_ERROR(CheckGridPoints(spec, options));
  RETURN_IF_ERROR(CheckThreshold(options.threshold));
  return CheckGuidance(options.guidance);
}

}  // namespace cascade
