#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "models/runtime/stage_network.h"
#include "models/stage_executor.h"

namespace cascade {

// What a step of the largest batch needs on the device beside the slots, by
// network row: runs one, on an executor of its own, and counts what is
// allocated. Fails as a step does.
absl::StatusOr<int64_t> MeasureBytesPerRow(
    const StageSpec& spec, std::shared_ptr<const StageNetwork> network,
    const ExecutorLimits& limits);

}  // namespace cascade
