#include "models/runtime/allocation_peak.h"

#include <c10/core/Allocator.h>

#include <algorithm>

namespace cascade {

// What LibTorch's allocators report to, of any device.
class AllocationPeak::Counter final : public c10::MemoryReportingInfoBase {
 public:
  explicit Counter(c10::Device device) : device_(device) {}

  void reportMemoryUsage(void* /*pointer*/, int64_t bytes,
                         size_t /*total_allocated*/, size_t /*total_reserved*/,
                         c10::Device device) override {
    if (device != device_) return;
    held_ += bytes;  // Negative when memory is freed.
    peak_ = std::max(peak_, held_);
  }
  bool memoryProfilingEnabled() const override { return true; }

  int64_t peak() const { return peak_; }

 private:
  const c10::Device device_;
  int64_t held_ = 0;
  int64_t peak_ = 0;
};

// The profiler's place is where the allocators look for whom to tell.
AllocationPeak::AllocationPeak(c10::Device device)
    : counter_(std::make_shared<Counter>(device)),
      guard_(c10::DebugInfoKind::PROFILER_STATE, counter_) {}

int64_t AllocationPeak::bytes() const { return counter_->peak(); }

}  // namespace cascade
