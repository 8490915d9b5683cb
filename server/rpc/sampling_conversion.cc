#include "server/rpc/sampling_conversion.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "models/sampling/sampler_table.h"

namespace cascade {
namespace {

constexpr double kMaxGuidanceScale = 100;

// One entry of a request's `stages`, and how messages call it.
struct Entry {
  const v1::StageOptions* options = nullptr;
  std::string field;  // "stages[2]".
};

// The entries that bear on one stage: its own goes before the one for every
// stage, field by field.
struct StageEntries {
  Entry own;
  Entry every;

  // The entry that sets what `is_set` asks for, or one without options.
  template <typename IsSet>
  const Entry& With(IsSet is_set) const {
    static const Entry kNone;
    if (own.options != nullptr && is_set(*own.options)) return own;
    if (every.options != nullptr && is_set(*every.options)) return every;
    return kNone;
  }
};

std::string Name(const StageSpec& stage) {
  return absl::StrCat("stage ", stage.index, " (", stage.name, ")");
}

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

absl::string_view NameOf(SamplerKind kind) {
  switch (kind) {
    case SamplerKind::kDdpm:
      return "DDPM";
    case SamplerKind::kDdim:
      return "DDIM";
    case SamplerKind::kDpmSolverPlusPlus2M:
      return "DPM-Solver++(2M)";
    case SamplerKind::kHeun:
      return "Heun";
    case SamplerKind::kConsistency:
      return "consistency sampling";
    case SamplerKind::kUniPc3:
      return "UniPC-3";
  }
  return "another sampler";
}

// The samplers that a stage runs, for messages: "DDPM, DDIM".
std::string NamesOf(const std::vector<SamplerKind>& kinds) {
  return absl::StrJoin(kinds, ", ", [](std::string* text, SamplerKind kind) {
    absl::StrAppend(text, NameOf(kind));
  });
}

void ApplyKind(const StageEntries& entries, const StageSpec& stage,
               SamplerOptions& sampler, FieldCheck& check) {
  const Entry& entry = entries.With([](const v1::StageOptions& options) {
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
                 absl::StrCat(NameOf(*kind), ": ", Name(stage),
                              " is sampled by ", NamesOf(kinds), " only"));
    return;
  }
  if (*kind == sampler.kind) return;
  // The default's other settings belong to the default's kind.
  sampler.kind = *kind;
  sampler.spacing = TimestepSpacing::kEven;
  sampler.eta = 0;
  sampler.grid_points.clear();
}

void ApplySteps(const StageEntries& entries, const StageSpec& stage,
                SamplerOptions& sampler, FieldCheck& check) {
  const Entry& entry = entries.With([](const v1::StageOptions& options) {
    return options.sampler().has_steps();
  });
  if (entry.options == nullptr) return;
  const int steps = entry.options->sampler().steps();
  if (check.InRange(SubField(entry.field, "sampler.steps"), steps, 1,
                    stage.diffusion.num_timesteps)) {
    sampler.num_steps = steps;
  }
}

void ApplyEta(const StageEntries& entries, const StageSpec& stage,
              SamplerOptions& sampler, FieldCheck& check) {
  const Entry& entry = entries.With([](const v1::StageOptions& options) {
    return options.sampler().has_eta();
  });
  if (entry.options == nullptr) return;
  const std::string field = SubField(entry.field, "sampler.eta");
  const double eta = entry.options->sampler().eta();
  if (!check.InRange(field, eta, 0.0, 1.0)) return;
  if (sampler.kind != SamplerKind::kDdim) {
    check.Refuse(field,
                 absl::StrCat(eta, ": only DDIM takes eta, and ", Name(stage),
                              " runs ", NameOf(sampler.kind)));
    return;
  }
  sampler.eta = eta;
}

void ApplyGuidanceScale(const StageEntries& entries, const StageSpec& stage,
                        bool unconditional, GuidanceOptions& guidance,
                        FieldCheck& check) {
  if (unconditional) guidance.scale = 1;
  const Entry& entry = entries.With([](const v1::StageOptions& options) {
    return options.guidance().has_scale();
  });
  if (entry.options == nullptr) return;
  const std::string field = SubField(entry.field, "guidance.scale");
  const double scale = entry.options->guidance().scale();
  if (!check.InRange(field, scale, 0.0, kMaxGuidanceScale)) return;
  if (scale != 1 && !stage.has_null_class) {
    check.Refuse(field, absl::StrCat(scale, ": ", Name(stage),
                                     " has no null class to guide away from; "
                                     "only 1 is possible"));
    return;
  }
  if (scale != 1 && unconditional) {
    check.Refuse(field, absl::StrCat(scale,
                                     ": an unconditional image has no class "
                                     "to guide to; only 1 is possible"));
    return;
  }
  guidance.scale = scale;
}

void ApplyGuidanceInterval(const StageEntries& entries,
                           GuidanceOptions& guidance, FieldCheck& check) {
  const Entry& begin = entries.With([](const v1::StageOptions& options) {
    return options.guidance().has_interval_begin();
  });
  const Entry& end = entries.With([](const v1::StageOptions& options) {
    return options.guidance().has_interval_end();
  });
  std::string field;
  bool in_range = true;
  if (end.options != nullptr) {
    field = SubField(end.field, "guidance.interval_end");
    guidance.interval_end = end.options->guidance().interval_end();
    in_range = check.InRange(field, guidance.interval_end, 0.0, 1.0);
  }
  if (begin.options != nullptr) {
    field = SubField(begin.field, "guidance.interval_begin");
    guidance.interval_begin = begin.options->guidance().interval_begin();
    in_range =
        check.InRange(field, guidance.interval_begin, 0.0, 1.0) && in_range;
  }
  if (in_range && guidance.interval_begin > guidance.interval_end) {
    check.Refuse(field, absl::StrCat("the interval ", guidance.interval_begin,
                                     "..", guidance.interval_end, " is empty"));
  }
}

bool SetsAugmentation(const v1::StageOptions& options) {
  return options.has_augmentation();
}

void CheckAugmentationMode(const Entry& entry, FieldCheck& check) {
  if (entry.options == nullptr) return;
  const v1::AugmentationMode mode = entry.options->augmentation().mode();
  const std::string field = SubField(entry.field, "augmentation.mode");
  if (!v1::AugmentationMode_IsValid(mode)) {
    check.Refuse(field, absl::StrCat(static_cast<int>(mode),
                                     " is not an augmentation mode"));
  } else if (mode == v1::AUGMENTATION_MODE_TRUNCATED) {
    check.RefuseUnhonoured(field, "truncated augmentation is not implemented");
  }
}

void ApplyAugmentation(const StageEntries& entries, const StageSpec& stage,
                       StageOptions& options, FieldCheck& check) {
  if (!stage.augmentation.enabled) {
    if (entries.own.options != nullptr &&
        SetsAugmentation(*entries.own.options)) {
      check.Refuse(
          SubField(entries.own.field, "augmentation"),
          absl::StrCat(Name(stage),
                       " was not trained with conditioning augmentation"));
    }
    return;
  }
  const Entry& entry = entries.With([](const v1::StageOptions& entry_options) {
    return entry_options.augmentation().has_level();
  });
  if (entry.options == nullptr) return;
  const double level = entry.options->augmentation().level();
  if (check.InRange(SubField(entry.field, "augmentation.level"), level, 0.0,
                    stage.augmentation.max_level)) {
    options.augmentation_level = level;
  }
}

// An augmentation for every stage needs at least one that has it.
void CheckEveryAugmentation(const Entry& every, const CascadeSpec& cascade,
                            size_t first_stage, size_t num_stages,
                            FieldCheck& check) {
  if (every.options == nullptr || !SetsAugmentation(*every.options)) return;
  for (size_t k = first_stage; k < num_stages; ++k) {
    if (cascade.stages[k].augmentation.enabled) return;
  }
  check.Refuse(SubField(every.field, "augmentation"),
               "no stage that runs was trained with conditioning augmentation");
}

// Sorts the entries by stage; the last element is the one for every stage.
std::vector<Entry> SortEntries(
    const google::protobuf::RepeatedPtrField<v1::StageOptions>& entries,
    int first_stage, size_t num_stages, FieldCheck& check) {
  std::vector<Entry> sorted(num_stages + 1);
  for (int i = 0; i < entries.size(); ++i) {
    const v1::StageOptions& options = entries[i];
    const std::string field = ElementField("stages", i);
    size_t place = num_stages;
    if (options.has_stage()) {
      if (!check.InRange(SubField(field, "stage"), options.stage(), first_stage,
                         static_cast<int>(num_stages) - 1)) {
        continue;
      }
      place = static_cast<size_t>(options.stage());
    }
    if (sorted[place].options != nullptr) {
      check.Refuse(
          SubField(field, "stage"),
          absl::StrCat(options.has_stage() ? absl::StrCat(options.stage())
                                           : "unset (every stage)",
                       ": ", sorted[place].field, " means the same"));
      continue;
    }
    sorted[place] = {&options, field};
    CheckAugmentationMode(sorted[place], check);
  }
  return sorted;
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
  return proto;
}

v1::Guidance GuidanceToProto(const GuidanceOptions& options) {
  v1::Guidance proto;
  proto.set_scale(options.scale);
  proto.set_interval_begin(options.interval_begin);
  proto.set_interval_end(options.interval_end);
  return proto;
}

std::vector<StageOptions> ConvertStageOptions(
    const google::protobuf::RepeatedPtrField<v1::StageOptions>& entries,
    const CascadeSpec& cascade, int first_stage, int target_stage,
    bool unconditional, FieldCheck& check) {
  const size_t first = static_cast<size_t>(first_stage);
  const size_t num_stages = static_cast<size_t>(target_stage) + 1;
  const std::vector<Entry> sorted =
      SortEntries(entries, first_stage, num_stages, check);
  CheckEveryAugmentation(sorted.back(), cascade, first, num_stages, check);
  std::vector<StageOptions> stages(num_stages);
  for (size_t k = 0; k < num_stages; ++k) {
    const StageSpec& stage = cascade.stages[k];
    SamplerOptions& sampler = stages[k].sampler;
    sampler = stage.default_sampler;
    stages[k].augmentation_level =
        stage.augmentation.enabled ? stage.augmentation.default_level : 0;
    if (k < first) continue;
    const StageEntries here{sorted[k], sorted.back()};
    ApplyKind(here, stage, sampler, check);
    ApplySteps(here, stage, sampler, check);
    ApplyEta(here, stage, sampler, check);
    ApplyGuidanceScale(here, stage, unconditional, sampler.guidance, check);
    ApplyGuidanceInterval(here, sampler.guidance, check);
    ApplyAugmentation(here, stage, stages[k], check);
  }
  return stages;
}

}  // namespace cascade
