#pragma once

#include <deque>
#include <utility>

#include "server/base/executor.h"
#include "server/base/mutex.h"
#include "server/base/thread_pool.h"

namespace cascade {

// An executor that does nothing until it is told to. Thread-safe.
class HeldExecutor : public Executor {
 public:
  void Post(absl::AnyInvocable<void()> task) override {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.SignalAll();
  }

  // Blocks until that many tasks wait.
  void AwaitTasks(size_t count) const {
    MutexLock lock(mutex_);
    while (tasks_.size() < count) changed_.Wait(mutex_);
  }
  void AwaitTask() const { AwaitTasks(1); }

  // Runs the tasks that wait, on a thread of its own.
  void Release() {
    MutexLock lock(mutex_);
    for (auto& task : tasks_) pool_.Post(std::move(task));
    tasks_.clear();
  }

 private:
  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::deque<absl::AnyInvocable<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  ThreadPool pool_{/*num_threads=*/1};
};

}  // namespace cascade
