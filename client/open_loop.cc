#include "client/open_loop.h"

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"

namespace cascade {
namespace {

// Sends one request after another, on the session's timer.
class ArrivalChain {
 public:
  ArrivalChain(const OpenLoop& loop, LoadSession& session, int64_t first_index,
               int64_t count, absl::Duration duration)
      : loop_(loop),
        session_(session),
        first_index_(first_index),
        count_(count),
        duration_(duration),
        start_(absl::Now()),
        times_(loop.arrivals, loop.rate, session.plan().options().seed) {}

  // Blocks until the last one was sent.
  void Run() {
    ScheduleNext();
    ended_.WaitForNotification();
  }

 private:
  void ScheduleNext() {
    const absl::Duration offset = times_.Next();
    if ((count_ > 0 && arrived_ >= count_) || offset > duration_) {
      return ended_.Notify();
    }
    const absl::Time due = start_ + offset;
    session_.timer().At(due, [this, due] {
      Arrive(due);
      ScheduleNext();
    });
  }

  void Arrive(absl::Time due) {
    PlannedRequest planned = session_.plan().Request(first_index_ + arrived_);
    if (session_.outstanding() >= loop_.max_outstanding) {
      session_.Skip(planned, due);
    } else {
      session_.Send(std::move(planned), due, static_cast<size_t>(arrived_));
    }
    ++arrived_;
  }

  const OpenLoop& loop_;
  LoadSession& session_;
  const int64_t first_index_;
  const int64_t count_;
  const absl::Duration duration_;
  const absl::Time start_;
  ArrivalTimes times_;
  int64_t arrived_ = 0;
  absl::Notification ended_;
};

}  // namespace

void OpenLoop::Run(LoadSession& session, int64_t first_index, int64_t count,
                   absl::Duration duration) const {
  ArrivalChain(*this, session, first_index, count, duration).Run();
}

}  // namespace cascade
