#pragma once

#include <exception>
#include <type_traits>

#include "absl/status/status.h"

namespace cascade {

// INTERNAL, or RESOURCE_EXHAUSTED when memory ran out, with the first line of
// what LibTorch said. Call it in a catch block.
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
