#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "cascade/v1/stage_state.pb.h"
#include "models/stage_executor.h"
#include "models/stage_spec.h"

namespace cascade {

// The exact result of `stage` for one image, as a client keeps it. Blocks for
// the device that holds `output`, and fails as a step does.
absl::StatusOr<v1::StageState> MakeStageState(const StageOutput& output,
                                              const CascadeSpec& cascade,
                                              int stage, uint64_t image_seed,
                                              std::optional<int> class_id);

// Checks a state that came back, a request's field `state`, and takes its image
// out: what stage `state.stage() + 1` of `cascade` goes on with.
//
// DATA_LOSS (STATE_DAMAGED) when it is not as it was made, FAILED_PRECONDITION
// (STATE_FOREIGN) when other weights have made it, INVALID_ARGUMENT with the
// fields that are wrong.
absl::StatusOr<std::shared_ptr<const StageOutput>> ReadStageState(
    const v1::StageState& state, const CascadeSpec& cascade);

}  // namespace cascade
