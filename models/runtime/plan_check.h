#pragma once

#include "absl/status/status.h"
#include "models/stage_executor.h"
#include "models/stage_spec.h"

namespace cascade {

// Whether a stage can do what `plan` asks: INVALID_ARGUMENT naming the field
// and its value otherwise.
absl::Status CheckPlan(const StageSpec& spec, const ImagePlan& plan);

}  // namespace cascade
