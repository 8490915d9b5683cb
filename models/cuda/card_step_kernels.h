#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "models/cuda/card_functions.h"
#include "models/runtime/step_kernels.h"
#include "models/stage_spec.h"

namespace cascade {

// Steps on a card: one upload of all rows, our kernels, one download of flags
// and pixels, one event; nothing waits for the card before
// PendingStep::Wait(). `functions` are those of `device`: the host's for the
// CPU, where a step is done at once.
//
// A step is for rows of up to `max_rows`; those whose noise is not
// CounterNoise's wait for its upload.
std::unique_ptr<StepKernels> MakeCardStepKernels(const CardFunctions& functions,
                                                 const StageSpec& spec,
                                                 int max_rows,
                                                 at::Device device);

}  // namespace cascade
