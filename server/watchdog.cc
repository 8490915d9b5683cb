#include "server/watchdog.h"

#include <utility>

#include "absl/time/clock.h"

namespace cascade {

Watchdog::Watchdog(absl::Duration limit, LongestPlan longest_plan,
                   Listener on_change)
    : limit_(limit),
      longest_plan_(std::move(longest_plan)),
      on_change_(std::move(on_change)) {
  thread_ = std::thread([this] { Watch(); });
}

Watchdog::~Watchdog() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
  }
  stop_.SignalAll();
  thread_.join();
}

void Watchdog::Watch() {
  bool is_alive = true;
  while (true) {
    {
      const absl::Time next = absl::Now() + limit_ / 4;
      MutexLock lock(mutex_);
      while (!stopped_ && stop_.WaitUntil(mutex_, next)) {
      }
      if (stopped_) return;
    }
    const absl::Duration longest = longest_plan_();
    if ((longest <= limit_) == is_alive) continue;
    is_alive = !is_alive;
    on_change_(is_alive, longest);
  }
}

}  // namespace cascade
