#pragma once

#include "cascade/v1/sampling.pb.h"
#include "models/stage_spec.h"
#include "server/rpc/field_check.h"
#include "server/rpc/stage_entries.h"

namespace cascade {

v1::SamplerKind ToProto(SamplerKind kind);
v1::SamplerOptions SamplerToProto(const SamplerOptions& options);

// Changes a stage's default sampler as `entries` say: kind, schedule, steps,
// eta, threshold. What is wrong goes to `check`.
void ApplySampler(const StageEntries& entries, const StageSpec& stage,
                  SamplerOptions& sampler, FieldCheck& check);

// Refuses a schedule for every stage where no stage from `first_stage` to
// `target_stage` can take one.
void CheckEveryStagesSchedule(const StageEntry& every,
                              const CascadeSpec& cascade, int first_stage,
                              int target_stage, FieldCheck& check);

}  // namespace cascade
