#pragma once

#include "absl/time/time.h"
#include "server/base/mutex.h"

namespace cascade {

// Counts the calls that have or may get a job: the job may end long before its
// client has taken all of it. Thread-safe.
class OpenStreams {
 public:
  void Begin() ABSL_LOCKS_EXCLUDED(mutex_);
  // Its last word goes to gRPC next.
  void End() ABSL_LOCKS_EXCLUDED(mutex_);

  // Blocks until none is open, or until `deadline` by the machine's clock.
  // Returns whether none is.
  bool WaitUntilNone(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Mutex mutex_;
  CondVar became_none_;
  int open_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cascade
