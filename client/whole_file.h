#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace cascade {

// The bytes of a file that `flag` names. INVALID_ARGUMENT when it cannot be
// read.
absl::StatusOr<std::string> ReadWholeFile(const std::string& flag,
                                          const std::string& path);

}  // namespace cascade
