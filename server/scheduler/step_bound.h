#pragma once

#include <cstdint>

#include "models/stage_executor.h"

namespace cascade {

// The limits without the batches that need more memory beside the slots than
// `max_step_bytes`; 0: no bound. The smallest batch always stays.
ExecutorLimits WithinStepBytes(ExecutorLimits limits, int64_t max_step_bytes);

}  // namespace cascade
