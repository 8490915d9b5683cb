#pragma once

#include "absl/status/statusor.h"
#include "models/precision.h"
#include "models/stage_spec.h"

namespace cascade {

// What a device computes 16-bit floats with.
struct PrecisionSupport {
  bool has_bf16 = false;        // It can.
  bool has_bf16_units = false;  // In matrix units, which outrun fp32.
  bool has_fp16 = false;
};

// Of this processor.
PrecisionSupport CpuPrecisionSupport();

// What a stage is to be computed in on a device; never kAuto. `wanted` goes
// before what the stage's package says, unless it is kAuto. INVALID_ARGUMENT
// for a precision that the device has not got.
absl::StatusOr<Precision> ChoosePrecision(const StageSpec& spec,
                                          Precision wanted,
                                          const PrecisionSupport& support);

}  // namespace cascade
