#include "server/termination.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace cascade {
namespace {

// Written by the signal handler and RequestTermination(), read by
// WaitForTermination().
int signal_pipe[2] = {-1, -1};

// Whether the next signal is kept. What a handler touches is lock-free.
std::atomic<bool> keeps_next = false;
static_assert(std::atomic<bool>::is_always_lock_free);

// Async-signal-safe.
void WakeWaiter(int signal) {
  const unsigned char byte = static_cast<unsigned char>(signal);
  // Few ever do this: the pipe has room for a byte.
  [[maybe_unused]] const ssize_t written = write(signal_pipe[1], &byte, 1);
}

// Async-signal-safe, as everything in it.
extern "C" void OnSignal(int signal) {
  if (!keeps_next.exchange(false)) _exit(128 + signal);
  const int saved_errno = errno;
  WakeWaiter(signal);
  errno = saved_errno;
}

}  // namespace

void EndOnTermination() {
  // Without a pipe there is nothing to wait by.
  if (pipe(signal_pipe) != 0) std::abort();
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
}

void KeepTermination() { keeps_next = true; }

int WaitForTermination() {
  unsigned char byte = 0;
  while (read(signal_pipe[0], &byte, 1) < 0 && errno == EINTR) {
  }
  return byte;
}

void RequestTermination() { WakeWaiter(0); }

}  // namespace cascade
