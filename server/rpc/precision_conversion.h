#pragma once

#include "cascade/v1/sampling.pb.h"
#include "models/stage_spec.h"

namespace cascade {

// Adds what the stage is served in to a message's repeated field.
template <typename Message>
void AddPrecisions(const StageSpec& stage, Message& message) {
  for (Precision precision : stage.served_precisions) {
    switch (precision) {
      case Precision::kFp32:
        message.add_precisions(v1::PRECISION_FP32);
        break;
      case Precision::kBf16:
        message.add_precisions(v1::PRECISION_BF16);
        break;
      case Precision::kFp16:
        message.add_precisions(v1::PRECISION_FP16);
        break;
      case Precision::kAuto:  // Never served.
        break;
    }
  }
}

}  // namespace cascade
