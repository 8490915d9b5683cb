#pragma once

#include <c10/core/Device.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <cstdint>
#include <memory>

namespace cascade {

// Counts what LibTorch allocates on `device` for the thread that made it, while
// it lives; other threads do not disturb it. For one thread, and not nested.
class AllocationPeak {
 public:
  explicit AllocationPeak(c10::Device device);

  // The most that was allocated at one time, in bytes.
  int64_t bytes() const;

 private:
  class Counter;
  const std::shared_ptr<Counter> counter_;
  const c10::DebugInfoGuard guard_;
};

}  // namespace cascade
