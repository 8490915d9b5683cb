#include "server/rpc/sampling_conversion.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/rpc/augmentation_conversion.h"
#include "server/rpc/sampler_conversion.h"
#include "server/rpc/stage_entries.h"

namespace cascade {
namespace {

constexpr double kMaxGuidanceScale = 100;

void ApplyGuidanceScale(const StageEntries& entries, const StageSpec& stage,
                        bool unconditional, GuidanceOptions& guidance,
                        FieldCheck& check) {
  if (unconditional) guidance.scale = 1;
  const StageEntry& entry = entries.With([](const v1::StageOptions& options) {
    return options.guidance().has_scale();
  });
  if (entry.options == nullptr) return;
  const std::string field = SubField(entry.field, "guidance.scale");
  const double scale = entry.options->guidance().scale();
  if (!check.InRange(field, scale, 0.0, kMaxGuidanceScale)) return;
  if (scale != 1 && !stage.has_null_class) {
    check.Refuse(field, absl::StrCat(scale, ": ", StageTitle(stage),
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
  const StageEntry& begin = entries.With([](const v1::StageOptions& options) {
    return options.guidance().has_interval_begin();
  });
  const StageEntry& end = entries.With([](const v1::StageOptions& options) {
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

// Sorts the entries by stage; the last element is the one for every stage.
std::vector<StageEntry> SortEntries(
    const google::protobuf::RepeatedPtrField<v1::StageOptions>& entries,
    int first_stage, size_t num_stages, FieldCheck& check) {
  std::vector<StageEntry> sorted(num_stages + 1);
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
  }
  return sorted;
}

}  // namespace

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
    bool unconditional, const StageOutput* input, FieldCheck& check) {
  const size_t first = static_cast<size_t>(first_stage);
  const size_t num_stages = static_cast<size_t>(target_stage) + 1;
  const std::vector<StageEntry> sorted =
      SortEntries(entries, first_stage, num_stages, check);
  CheckEveryStagesSchedule(sorted.back(), cascade, first_stage, target_stage,
                           check);
  std::vector<StageOptions> stages(num_stages);
  for (size_t k = 0; k < num_stages; ++k) {
    const StageSpec& stage = cascade.stages[k];
    SamplerOptions& sampler = stages[k].sampler;
    sampler = stage.default_sampler;
    if (k < first) continue;
    const StageEntries here{sorted[k], sorted.back()};
    ApplySampler(here, stage, sampler, check);
    ApplyGuidanceScale(here, stage, unconditional, sampler.guidance, check);
    ApplyGuidanceInterval(here, sampler.guidance, check);
  }
  ConvertAugmentation(sorted, cascade, first_stage, input, stages, check);
  return stages;
}

}  // namespace cascade
