#include "server/base/thread_pool.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace cascade {
namespace {

TEST(ThreadPoolTest, OneThreadRunsTasksInOrder) {
  std::vector<int> order;
  {
    ThreadPool pool(1);
    for (int i = 0; i < 5; ++i) pool.Post([&order, i] { order.push_back(i); });
  }
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(ThreadPoolTest, DestructorRunsWhatIsQueued) {
  Mutex mutex;
  int done = 0;
  {
    ThreadPool pool(3);
    for (int i = 0; i < 100; ++i) {
      pool.Post([&] {
        MutexLock lock(mutex);
        ++done;
      });
    }
  }
  EXPECT_EQ(done, 100);
}

TEST(ThreadPoolTest, ATaskMayPostAnother) {
  Mutex mutex;
  CondVar changed;
  bool done = false;
  ThreadPool pool(1);
  pool.Post([&] {
    pool.Post([&] {
      MutexLock lock(mutex);
      done = true;
      changed.SignalAll();
    });
  });
  MutexLock lock(mutex);
  while (!done) changed.Wait(mutex);
}

}  // namespace
}  // namespace cascade
