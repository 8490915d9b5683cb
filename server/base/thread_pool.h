#pragma once

#include <deque>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"

namespace cascade {

// A fixed number of threads that run tasks in the order they were posted.
//
// States: open -> closed. The destructor closes the pool, runs what is queued
// and joins the threads; a task posted while closed is destroyed unrun.
// Thread-safe.
class ThreadPool : public Executor {
 public:
  explicit ThreadPool(int num_threads);
  ~ThreadPool() override;

  void Post(absl::AnyInvocable<void()> task) override
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Work() ABSL_LOCKS_EXCLUDED(mutex_);

  Mutex mutex_;
  CondVar changed_;  // Signalled on Post() and when the pool closes.
  std::deque<absl::AnyInvocable<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;

  // Constant after construction; last, so that the threads see the rest.
  std::vector<std::thread> threads_;
};

}  // namespace cascade
