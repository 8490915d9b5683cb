#pragma once

#include <optional>
#include <vector>

#include "cascade/v1/sampling.pb.h"
#include "models/stage_spec.h"
#include "server/job/generation_request.h"
#include "server/rpc/field_check.h"

namespace cascade {

v1::Guidance GuidanceToProto(const GuidanceOptions& options);

// The options of stages 0..`target_stage` of `cascade`: its defaults, changed
// from `first_stage` on by the entries of a request's field `stages`.
// `unconditional`: no class is drawn, so the default is no guidance. `input` is
// what the first stage enlarges, null for a base. What is wrong goes to
// `check`.
std::vector<StageOptions> ConvertStageOptions(
    const google::protobuf::RepeatedPtrField<v1::StageOptions>& entries,
    const CascadeSpec& cascade, int first_stage, int target_stage,
    bool unconditional, const StageOutput* input, FieldCheck& check);

}  // namespace cascade
