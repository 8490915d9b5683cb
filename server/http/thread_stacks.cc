#include "server/http/thread_stacks.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cstddef>

namespace cascade {
namespace {

// More than any library's variables. Memory that is not touched costs nothing.
constexpr size_t kRoom = size_t{2} << 20;

std::atomic<bool> gives_room = false;

}  // namespace

void KeepThreadLocalsOutOfStackSizes() { gives_room = true; }

}  // namespace cascade

// Takes the place of glibc's function for the whole process.
extern "C" int pthread_attr_setstacksize(pthread_attr_t* attributes,
                                         size_t size) noexcept {
  using Function = int (*)(pthread_attr_t*, size_t);
  static const auto glibcs =
      reinterpret_cast<Function>(dlsym(RTLD_NEXT, "pthread_attr_setstacksize"));
  return glibcs(attributes, cascade::gives_room ? size + cascade::kRoom : size);
}
