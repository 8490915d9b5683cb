#include "server/termination.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace cascade {
namespace {

// Written by the signal handler, read by WaitForTermination().
int signal_pipe[2] = {-1, -1};

// Async-signal-safe, as everything in it.
extern "C" void OnSignal(int signal) {
  const int saved_errno = errno;
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  const unsigned char byte = static_cast<unsigned char>(signal);
  // The pipe is empty: it has room for a byte.
  [[maybe_unused]] const ssize_t written = write(signal_pipe[1], &byte, 1);
  errno = saved_errno;
}

}  // namespace

int WaitForTermination() {
  if (pipe(signal_pipe) != 0) return 0;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGTERM);
  sigaddset(&action.sa_mask, SIGINT);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  unsigned char byte = 0;
  while (read(signal_pipe[0], &byte, 1) < 0 && errno == EINTR) {
  }
  return byte;
}

}  // namespace cascade
