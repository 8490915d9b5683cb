#pragma once

#include "absl/functional/any_invocable.h"

namespace cascade {

// Runs tasks on threads that are neither lanes nor gRPC's. Thread-safe.
class Executor {
 public:
  virtual ~Executor() = default;

  // Queues `task`; never blocks, never runs it on the calling thread.
  virtual void Post(absl::AnyInvocable<void()> task) = 0;
};

}  // namespace cascade
