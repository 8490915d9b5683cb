#pragma once

#include "models/cuda/card_step.h"
#include "models/runtime/step_kernels.h"

namespace cascade {

// Rows of a step as the card reads them.
CardNetworkRow CardRowOf(const NetworkRow& row);

// `size`: elements of an image. Without pixels and noise of its own.
CardUpdateRow CardRowOf(const UpdateRow& row, int64_t size);

}  // namespace cascade
