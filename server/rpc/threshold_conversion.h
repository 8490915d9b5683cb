#pragma once

#include "cascade/v1/sampling.pb.h"
#include "models/stage_spec.h"
#include "server/rpc/field_check.h"
#include "server/rpc/stage_entries.h"

namespace cascade {

v1::Threshold ThresholdToProto(const ThresholdOptions& options);

// Changes a stage's default threshold as `entries` say. What is wrong goes to
// `check`.
void ApplyThreshold(const StageEntries& entries, const StageSpec& stage,
                    ThresholdOptions& threshold, FieldCheck& check);

}  // namespace cascade
