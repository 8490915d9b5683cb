#pragma once

#include <c10/core/Device.h>

#include <string>

#include "absl/status/statusor.h"

namespace cascade {

// The device of "cpu" or "cuda:N" ("cuda" is "cuda:0"). INVALID_ARGUMENT for
// another word or a card that the machine lacks, UNIMPLEMENTED for a card in a
// build without CUDA.
absl::StatusOr<c10::Device> ParseDevice(const std::string& name);

}  // namespace cascade
