#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>

#include "models/cascade_model.h"
#include "models/plan/process_memory.h"
#include "models/runtime/host_memory.h"
#include "models/runtime/torch_device.h"
#include "models/runtime/torch_status.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// What LibTorch holds and does not use is free for us.
DeviceMemory CardMemory(const c10::Device& device) {
  at::globalContext().lazyInitDevice(device.type());
  at::DeviceAllocator* allocator = at::getDeviceAllocator(device.type());
  const auto [free, total] = allocator->getMemoryInfo(device.index());
  const auto stats = allocator->getDeviceStats(device.index());
  constexpr size_t kAll =
      static_cast<size_t>(at::CachingAllocator::StatType::AGGREGATE);
  return {.total = static_cast<int64_t>(total),
          .free = static_cast<int64_t>(free) +
                  stats.reserved_bytes[kAll].current -
                  stats.allocated_bytes[kAll].current};
}

}  // namespace

absl::StatusOr<DeviceMemory> MemoryOf(const std::string& device) {
  ASSIGN_OR_RETURN(const c10::Device parsed, ParseDevice(device));
  if (parsed.is_cpu()) {
    // What malloc() holds and nobody uses is free for us, too.
    ReturnFreedMemory();
    return HostMemory("/");
  }
  return CatchTorch(
      [&]() -> absl::StatusOr<DeviceMemory> { return CardMemory(parsed); });
}

}  // namespace cascade
