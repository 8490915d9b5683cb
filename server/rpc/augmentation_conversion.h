#pragma once

#include <vector>

#include "cascade/v1/sampling.pb.h"
#include "models/stage_executor.h"
#include "models/stage_spec.h"
#include "server/job/generation_request.h"
#include "server/rpc/field_check.h"
#include "server/rpc/stage_entries.h"

namespace cascade {

v1::AugmentationMode ToProto(AugmentationMode mode);

// Fills in level and mode of the conditioning augmentation of every stage of
// `stages`, whose samplers are set: the cascade's defaults, changed from
// `first_stage` on by `entries` (one a stage, and last the one for every
// stage). `input` is what the first stage enlarges, null for a base; there is
// nothing to stop before it, but it may have noise left in it. What is wrong
// goes to `check`.
void ConvertAugmentation(const std::vector<StageEntry>& entries,
                         const CascadeSpec& cascade, int first_stage,
                         const StageOutput* input,
                         std::vector<StageOptions>& stages, FieldCheck& check);

}  // namespace cascade
