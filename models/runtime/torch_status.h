#pragma once

#include <exception>
#include <type_traits>

#include "absl/status/status.h"

namespace cascade {

// The exception being handled as a status, with the first line of its message:
// RESOURCE_EXHAUSTED when memory ran out, on the host or on a device;
// UNAVAILABLE when CUDA reports a fault, after which nothing on that device
// works in this process; INTERNAL otherwise. Call it in a catch block.
absl::Status CurrentTorchException();

// Runs `function`, which returns absl::Status or absl::StatusOr<T>, and turns
// what LibTorch throws into a status: exceptions stop here.
template <typename Function>
std::invoke_result_t<Function> CatchTorch(Function&& function) {
  try {
    return function();
  } catch (...) {
    return CurrentTorchException();
  }
}

}  // namespace cascade
