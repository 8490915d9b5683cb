#include "client/interrupt_watcher.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#include "client/exit_code.h"

namespace cascade {
namespace {

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

InterruptWatcher::InterruptWatcher(std::function<void()> on_interrupt)
    : on_interrupt_(std::move(on_interrupt)) {
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = std::thread([this] { Watch(); });
}

InterruptWatcher::~InterruptWatcher() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  pthread_kill(thread_.native_handle(), SIGINT);
  thread_.join();
}

bool InterruptWatcher::interrupted() const {
  absl::MutexLock lock(&mutex_);
  return interrupted_;
}

void InterruptWatcher::Watch() {
  const sigset_t signals = Signals();
  int signal = 0;
  while (sigwait(&signals, &signal) == 0) {
    bool is_first = false;
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      is_first = !std::exchange(interrupted_, true);
    }
    if (!is_first) _exit(kExitInterrupted);
    on_interrupt_();
  }
}

}  // namespace cascade
