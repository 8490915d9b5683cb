#include "client/load_timer.h"

#include <utility>

#include "absl/time/clock.h"

namespace cascade {

LoadTimer::LoadTimer() : thread_([this] { Run(); }) {}

LoadTimer::~LoadTimer() {
  {
    absl::MutexLock lock(&mutex_);
    ending_ = true;
    changed_.Signal();
  }
  thread_.join();
}

void LoadTimer::At(absl::Time time, Action action) {
  absl::MutexLock lock(&mutex_);
  const auto added = actions_.emplace(time, std::move(action));
  if (added == actions_.begin()) changed_.Signal();
}

void LoadTimer::Run() {
  while (Action action = TakeDue()) action();
}

LoadTimer::Action LoadTimer::TakeDue() {
  absl::MutexLock lock(&mutex_);
  while (!ending_) {
    if (actions_.empty()) {
      changed_.Wait(&mutex_);
    } else if (actions_.begin()->first > absl::Now()) {
      changed_.WaitWithDeadline(&mutex_, actions_.begin()->first);
    } else {
      auto first = actions_.extract(actions_.begin());
      return std::move(first.mapped());
    }
  }
  return nullptr;
}

}  // namespace cascade
