#pragma once

#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace cascade {

// A clock that moves when a test says so. Thread-safe.
class FakeClock : public Clock {
 public:
  absl::Time Now() const override {
    MutexLock lock(mutex_);
    return now_;
  }

  void Advance(absl::Duration duration) {
    MutexLock lock(mutex_);
    now_ += duration;
  }

 private:
  mutable Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) =
      absl::FromUnixSeconds(1'700'000'000);
};

}  // namespace cascade
