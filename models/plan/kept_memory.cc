#include "models/plan/kept_memory.h"

#include <malloc.h>

namespace cascade {

void KeepFreedMemory() {
  static const bool done = [] {
    // The largest that glibc takes (DEFAULT_MMAP_THRESHOLD_MAX); larger blocks
    // come and go as before.
    constexpr int kLargestKept = 32 << 20;
    constexpr int kNever = 1 << 30;  // Bytes at the top of a heap.
    mallopt(M_MMAP_THRESHOLD, kLargestKept);
    mallopt(M_TRIM_THRESHOLD, kNever);
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace cascade
