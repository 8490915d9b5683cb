#pragma once

#include <functional>
#include <thread>

#include "absl/synchronization/mutex.h"

namespace cascade {

// Turns Ctrl-C (SIGINT) and SIGTERM into a call, on a thread of its own; a
// second signal ends the process at once. Make it before any other thread:
// signals are blocked in those that are started later.
class InterruptWatcher {
 public:
  explicit InterruptWatcher(std::function<void()> on_interrupt);
  ~InterruptWatcher();

  bool interrupted() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Watch() ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after construction.
  const std::function<void()> on_interrupt_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool interrupted_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // Last: it uses the rest.
};

}  // namespace cascade
