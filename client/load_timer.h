#pragma once

#include <map>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace cascade {

// Runs actions at their times, one after another on a thread of its own: the
// arrivals, cancellations and slow reads of a load. Thread-safe.
class LoadTimer {
 public:
  using Action = absl::AnyInvocable<void()>;

  LoadTimer();
  // Actions that are not due yet are dropped.
  ~LoadTimer();

  // `action` must be short, and may call At().
  void At(absl::Time time, Action action) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // Blocks until an action is due; null when the timer is to end.
  Action TakeDue() ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::multimap<absl::Time, Action> actions_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // Last: it uses the rest.
};

}  // namespace cascade
