#pragma once

#include <c10/core/Device.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

struct CUstream_st;

namespace cascade {

// The calling thread's current stream of a card.
inline c10::Stream CurrentStream(c10::Device device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device);
}

// As CUDA knows it; null on the CPU.
inline CUstream_st* NativeStream(c10::Device device) {
  if (device.is_cpu()) return nullptr;
  return static_cast<CUstream_st*>(
      c10::impl::VirtualGuardImpl(device.type())
          .getStreamNativeHandle(CurrentStream(device)));
}

// Blocks until the current stream has done what was queued.
inline void Synchronize(c10::Device device) {
  if (device.is_cpu()) return;
  c10::impl::VirtualGuardImpl(device.type())
      .synchronizeStream(CurrentStream(device));
}

// Throws for what a launch returned: such an error is the device's.
inline void CheckLaunch(int error) {
  TORCH_CHECK(error == 0, "CUDA error: a launch failed with code ", error);
}

}  // namespace cascade
