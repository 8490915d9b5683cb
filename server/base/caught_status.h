#pragma once

#include "absl/status/status.h"

namespace cascade {

// The exception that is being handled, as a status: std::bad_alloc is
// RESOURCE_EXHAUSTED, any other INTERNAL. Call it in a catch block:
//
//   try {
//     return Load();
//   } catch (...) {
//     return CaughtStatus();
//   }
absl::Status CaughtStatus();

}  // namespace cascade
