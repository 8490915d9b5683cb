#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"

namespace cascade {

// The host's memory as this process may use it: of the machine, and within the
// limits of its control group (version 1 or 2) and of all groups above it. File
// pages that the kernel would give up count as free.
//
// `root` is where proc/ and sys/ are: "/" but in tests. NOT_FOUND when the
// system does not tell.
absl::StatusOr<DeviceMemory> HostMemory(const std::string& root);

}  // namespace cascade
