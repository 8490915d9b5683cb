#pragma once

#include <c10/core/Device.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cascade {

// The devices that this process may use: the CPU, and the machine's cards in a
// build with CUDA.
std::vector<c10::Device> Devices();

// The device of "cpu" or "cuda:N" ("cuda" is "cuda:0"). INVALID_ARGUMENT for
// another word, UNIMPLEMENTED for a card in a build without CUDA, NOT_FOUND for
// one that the machine has not got.
absl::StatusOr<c10::Device> ParseDevice(const std::string& name);

}  // namespace cascade
