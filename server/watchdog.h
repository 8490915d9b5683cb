#pragma once

#include <functional>
#include <thread>

#include "absl/time/time.h"
#include "server/base/mutex.h"

namespace cascade {

// Tells when a lane makes no progress, and when it does again: a step that
// hangs in a device's driver can be neither waited for nor ended.
//
// States: alive <-> stalled. A thread of its own looks four times in a limit.
class Watchdog {
 public:
  // How long the lane that is longest in its plan has been in it.
  using LongestPlan = std::function<absl::Duration()>;
  // Called on the thread at each change, with what was longest.
  using Listener = std::function<void(bool is_alive, absl::Duration longest)>;

  // Stalled is who is longer than `limit` in a plan; infinite: nobody ever.
  Watchdog(absl::Duration limit, LongestPlan longest_plan, Listener on_change);
  // Joins the thread.
  ~Watchdog();

 private:
  void Watch() ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after construction.
  const absl::Duration limit_;
  const LongestPlan longest_plan_;
  const Listener on_change_;

  Mutex mutex_;
  CondVar stop_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // Last, so that it sees the rest.
};

}  // namespace cascade
