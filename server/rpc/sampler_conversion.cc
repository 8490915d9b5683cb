#include "server/rpc/sampler_conversion.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "models/sampling/sampler_check.h"
#include "models/sampling/sampler_choice.h"
#include "models/sampling/sampler_name.h"
#include "server/rpc/threshold_conversion.h"

namespace cascade {
namespace {

constexpr int kMaxTimesteps = 100000;

std::optional<SamplerKind> FromProto(v1::SamplerKind kind) {
  switch (kind) {
    case v1::SAMPLER_KIND_DDPM:
      return SamplerKind::kDdpm;
    case v1::SAMPLER_KIND_DDIM:
      return SamplerKind::kDdim;
    case v1::SAMPLER_KIND_DPM_SOLVER_PLUS_PLUS_2M:
      return SamplerKind::kDpmSolverPlusPlus2M;
    case v1::SAMPLER_KIND_HEUN:
      return SamplerKind::kHeun;
    case v1::SAMPLER_KIND_CONSISTENCY:
      return SamplerKind::kConsistency;
    case v1::SAMPLER_KIND_UNIPC_3:
      return SamplerKind::kUniPc3;
    default:
      return std::nullopt;
  }
}

// The samplers that a stage runs, for messages: "DDPM, DDIM".
std::string NamesOf(const std::vector<SamplerKind>& kinds) {
  return absl::StrJoin(kinds, ", ", [](std::string* text, SamplerKind kind) {
    absl::StrAppend(text, SamplerName(kind));
  });
}

void ApplyKind(const StageEntries& entries, const StageSpec& stage,
               SamplerOptions& sampler, FieldCheck& check) {
  const StageEntry& entry = entries.With([](const v1::StageOptions& options) {
    return options.sampler().kind() != v1::SAMPLER_KIND_UNSPECIFIED;
  });
  if (entry.options == nullptr) return;
  const v1::SamplerKind value = entry.options->sampler().kind();
  const std::optional<SamplerKind> kind = FromProto(value);
  if (!kind.has_value()) {
    check.Refuse(SubField(entry.field, "sampler.kind"),
                 absl::StrCat(static_cast<int>(value), " is not a sampler"));
    return;
  }
  const std::vector<SamplerKind> kinds = SamplersOf(stage.diffusion);
  if (std::find(kinds.begin(), kinds.end(), *kind) == kinds.end()) {
    check.Refuse(SubField(entry.field, "sampler.kind"),
                 absl::StrCat(SamplerName(*kind), ": ", StageTitle(stage),
                              " is sampled by ", NamesOf(kinds), " only"));
    return;
  }
  ChooseSampler(*kind, sampler);
}

std::optional<ScheduleKind> FromProto(v1::ScheduleKind kind) {
  switch (kind) {
    case v1::SCHEDULE_KIND_LINEAR:
      return ScheduleKind::kLinear;
    case v1::SCHEDULE_KIND_COSINE:
      return ScheduleKind::kCosine;
    default:
      return std::nullopt;
  }
}

bool KnowsNoiseLevels(const StageSpec& stage) {
  return stage.diffusion.conditioning == NoiseConditioning::kNoiseLevel;
}

bool SetsSchedule(const v1::StageOptions& options) {
  return options.sampler().has_schedule();
}

// The training's schedule has nothing to choose.
void ChooseTrained(const std::string& field, const v1::SamplingSchedule& chosen,
                   SamplerOptions& sampler, FieldCheck& check) {
  if (chosen.has_num_timesteps() || chosen.has_beta_begin() ||
      chosen.has_beta_end()) {
    check.Refuse(field,
                 "SCHEDULE_KIND_TRAINED takes no timesteps and no betas");
    return;
  }
  sampler.schedule.reset();
}

std::optional<BetaRange> ConvertBetas(const std::string& field,
                                      const v1::SamplingSchedule& chosen,
                                      FieldCheck& check) {
  if (!chosen.has_beta_begin() && !chosen.has_beta_end()) return std::nullopt;
  const std::string begin = SubField(field, "beta_begin");
  const std::string end = SubField(field, "beta_end");
  if (!chosen.has_beta_begin() || !chosen.has_beta_end()) {
    check.Refuse(chosen.has_beta_begin() ? end : begin,
                 "unset, and the other end of the range is set");
    return std::nullopt;
  }
  if (chosen.kind() != v1::SCHEDULE_KIND_LINEAR) {
    check.Refuse(begin, absl::StrCat(chosen.beta_begin(),
                                     ": only a linear schedule takes betas"));
    return std::nullopt;
  }
  const BetaRange betas = {chosen.beta_begin(), chosen.beta_end()};
  if (!(betas.begin > 0 && betas.begin < 1)) {
    check.Refuse(begin, absl::StrCat(betas.begin, " is not between 0 and 1"));
    return std::nullopt;
  }
  if (!(betas.end >= betas.begin && betas.end < 1)) {
    check.Refuse(end, absl::StrCat(betas.end, " is not between beta_begin (",
                                   betas.begin, ") and 1"));
    return std::nullopt;
  }
  return betas;
}

void ApplySchedule(const StageEntries& entries, const StageSpec& stage,
                   SamplerOptions& sampler, FieldCheck& check) {
  const StageEntry& entry = entries.With(SetsSchedule);
  if (entry.options == nullptr) return;
  const std::string field = SubField(entry.field, "sampler.schedule");
  if (!KnowsNoiseLevels(stage)) {
    if (&entry == &entries.every) return;  // It means other stages.
    check.Refuse(field,
                 absl::StrCat(StageTitle(stage),
                              " is told timesteps of the schedule that it was "
                              "trained with, and knows no other"));
    return;
  }
  const v1::SamplingSchedule& chosen = entry.options->sampler().schedule();
  if (chosen.kind() == v1::SCHEDULE_KIND_TRAINED) {
    ChooseTrained(field, chosen, sampler, check);
    return;
  }
  const std::optional<ScheduleKind> kind = FromProto(chosen.kind());
  if (!kind.has_value()) {
    check.Refuse(
        SubField(field, "kind"),
        absl::StrCat(static_cast<int>(chosen.kind()), " is not a schedule"));
    return;
  }
  SamplingSchedule schedule = {.kind = *kind};
  if (chosen.has_num_timesteps()) {
    schedule.num_timesteps = chosen.num_timesteps();
  }
  if (!check.InRange(SubField(field, "num_timesteps"), schedule.num_timesteps,
                     1, kMaxTimesteps)) {
    return;
  }
  schedule.betas = ConvertBetas(field, chosen, check);
  sampler.schedule = schedule;
}

void ApplySteps(const StageEntries& entries, const StageSpec& stage,
                SamplerOptions& sampler, FieldCheck& check) {
  const int most = sampler.schedule.has_value()
                       ? sampler.schedule->num_timesteps
                       : stage.diffusion.num_timesteps;
  const StageEntry& entry = entries.With([](const v1::StageOptions& options) {
    return options.sampler().has_steps();
  });
  if (entry.options != nullptr) {
    const int steps = entry.options->sampler().steps();
    if (check.InRange(SubField(entry.field, "sampler.steps"), steps, 1, most)) {
      sampler.num_steps = steps;
    }
    return;
  }
  if (sampler.num_steps <= most) return;
  // The default does not fit the schedule that was chosen.
  const StageEntry& chosen = entries.With(SetsSchedule);
  if (chosen.options == nullptr) return;
  check.Refuse(SubField(chosen.field, "sampler.steps"),
               absl::StrCat("unset, and the default of ", StageTitle(stage),
                            ", ", sampler.num_steps,
                            ", is above the schedule's ", most, " timesteps"));
}

void ApplyEta(const StageEntries& entries, const StageSpec& stage,
              SamplerOptions& sampler, FieldCheck& check) {
  const StageEntry& entry = entries.With([](const v1::StageOptions& options) {
    return options.sampler().has_eta();
  });
  if (entry.options == nullptr) return;
  const std::string field = SubField(entry.field, "sampler.eta");
  const double eta = entry.options->sampler().eta();
  if (!check.InRange(field, eta, 0.0, 1.0)) return;
  if (sampler.kind != SamplerKind::kDdim) {
    check.Refuse(field, absl::StrCat(eta, ": only DDIM takes eta, and ",
                                     StageTitle(stage), " runs ",
                                     SamplerName(sampler.kind)));
    return;
  }
  sampler.eta = eta;
}

v1::SamplingSchedule ToProto(const SamplingSchedule& schedule) {
  v1::SamplingSchedule proto;
  proto.set_kind(schedule.kind == ScheduleKind::kLinear
                     ? v1::SCHEDULE_KIND_LINEAR
                     : v1::SCHEDULE_KIND_COSINE);
  proto.set_num_timesteps(schedule.num_timesteps);
  if (schedule.betas.has_value()) {
    proto.set_beta_begin(schedule.betas->begin);
    proto.set_beta_end(schedule.betas->end);
  }
  return proto;
}

}  // namespace

v1::SamplerKind ToProto(SamplerKind kind) {
  switch (kind) {
    case SamplerKind::kDdpm:
      return v1::SAMPLER_KIND_DDPM;
    case SamplerKind::kDdim:
      return v1::SAMPLER_KIND_DDIM;
    case SamplerKind::kDpmSolverPlusPlus2M:
      return v1::SAMPLER_KIND_DPM_SOLVER_PLUS_PLUS_2M;
    case SamplerKind::kHeun:
      return v1::SAMPLER_KIND_HEUN;
    case SamplerKind::kConsistency:
      return v1::SAMPLER_KIND_CONSISTENCY;
    case SamplerKind::kUniPc3:
      return v1::SAMPLER_KIND_UNIPC_3;
  }
  return v1::SAMPLER_KIND_UNSPECIFIED;
}

v1::SamplerOptions SamplerToProto(const SamplerOptions& options) {
  v1::SamplerOptions proto;
  proto.set_kind(ToProto(options.kind));
  proto.set_steps(options.num_steps);
  if (options.kind == SamplerKind::kDdim) proto.set_eta(options.eta);
  *proto.mutable_threshold() = ThresholdToProto(options.threshold);
  if (options.schedule.has_value()) {
    *proto.mutable_schedule() = ToProto(*options.schedule);
  }
  return proto;
}

void ApplySampler(const StageEntries& entries, const StageSpec& stage,
                  SamplerOptions& sampler, FieldCheck& check) {
  ApplyKind(entries, stage, sampler, check);
  ApplySchedule(entries, stage, sampler, check);
  ApplySteps(entries, stage, sampler, check);
  ApplyEta(entries, stage, sampler, check);
  ApplyThreshold(entries, stage, sampler.threshold, check);
}

void CheckEveryStagesSchedule(const StageEntry& every,
                              const CascadeSpec& cascade, int first_stage,
                              int target_stage, FieldCheck& check) {
  if (every.options == nullptr || !SetsSchedule(*every.options)) return;
  for (int k = first_stage; k <= target_stage; ++k) {
    if (KnowsNoiseLevels(cascade.stages[static_cast<size_t>(k)])) return;
  }
  check.Refuse(SubField(every.field, "sampler.schedule"),
               "every stage that runs is told timesteps of the schedule that "
               "it was trained with, and knows no other");
}

}  // namespace cascade
