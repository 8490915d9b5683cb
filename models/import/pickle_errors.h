#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cascade {

// What a PickleMachine says: DATA_LOSS of what no pickle may be, and
// INVALID_ARGUMENT of what a pickle may be, but a state dict needs not.
inline absl::Status PickleMalformed(absl::string_view what) {
  return absl::DataLossError(what);
}
inline absl::Status PickleRefused(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

}  // namespace cascade
