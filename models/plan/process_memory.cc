#include "models/plan/process_memory.h"

#ifdef CASCADE_JEMALLOC
#include <jemalloc/jemalloc.h>

// jemalloc reads this before main(): huge pages, and what a step frees stays
// with the process for the next one, however long that takes.
const char* malloc_conf = "thp:always,dirty_decay_ms:-1";
#endif

namespace cascade {

void ReturnFreedMemory() {
#ifdef CASCADE_JEMALLOC
  static_assert(MALLCTL_ARENAS_ALL == 4096);
  mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);
#endif
}

}  // namespace cascade
