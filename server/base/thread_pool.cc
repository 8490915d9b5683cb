#include "server/base/thread_pool.h"

#include <utility>

namespace cascade {

ThreadPool::ThreadPool(int num_threads) {
  for (int i = 0; i < num_threads; ++i) {
    threads_.emplace_back([this] { Work(); });
  }
}

ThreadPool::~ThreadPool() {
  {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  changed_.SignalAll();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::Post(absl::AnyInvocable<void()> task) {
  {
    MutexLock lock(mutex_);
    // A refused task dies with its caller's argument, outside of the lock.
    if (closed_) return;
    tasks_.push_back(std::move(task));
  }
  changed_.Signal();
}

void ThreadPool::Work() {
  while (true) {
    absl::AnyInvocable<void()> task;
    {
      MutexLock lock(mutex_);
      while (tasks_.empty() && !closed_) changed_.Wait(mutex_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    std::move(task)();
  }
}

}  // namespace cascade
