#include "client/closed_loop.h"

#include <optional>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace cascade {
namespace {

// Hands out the numbers of requests until there are enough of them, or it is
// late. Thread-safe.
class WorkList {
 public:
  // `count` 0: no limit.
  WorkList(int64_t first, int64_t count, absl::Time end)
      : first_(first), count_(count), end_(end) {}

  std::optional<int64_t> Next() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if ((count_ > 0 && taken_ >= count_) || absl::Now() >= end_) {
      return std::nullopt;
    }
    return first_ + taken_++;
  }

 private:
  const int64_t first_;
  const int64_t count_;
  const absl::Time end_;

  absl::Mutex mutex_;
  int64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The client's next request, and so on after each.
void SendNext(LoadSession& session, WorkList& work, size_t client) {
  const std::optional<int64_t> index = work.Next();
  if (!index.has_value()) return;
  session.Send(session.plan().Request(*index), absl::Now(), client,
               [&session, &work, client] { SendNext(session, work, client); });
}

}  // namespace

void RunClosedLoop(LoadSession& session, int clients, int64_t first_index,
                   int64_t count, absl::Duration duration) {
  WorkList work(first_index, count, absl::Now() + duration);
  for (int i = 0; i < clients; ++i) {
    SendNext(session, work, static_cast<size_t>(i));
  }
  session.WaitUntilIdle();
}

}  // namespace cascade
