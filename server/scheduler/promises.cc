#include "server/scheduler/promises.h"

#include <algorithm>
#include <tuple>

namespace cascade {
namespace {

auto Order(const Promise& promise) {
  return std::tuple(promise.rank, promise.due);
}

}  // namespace

bool BreaksPromise(std::vector<Promise> jobs, const Promise& newcomer,
                   double lanes, absl::Time now) {
  std::sort(jobs.begin(), jobs.end(), [](const Promise& a, const Promise& b) {
    return Order(a) < Order(b);
  });
  const absl::Duration delay = newcomer.work / lanes;
  absl::Time end = now;  // Of the job and all that go before it.
  for (const Promise& job : jobs) {
    end += job.work / lanes;
    // A better rank may delay whom it likes.
    const bool is_behind = newcomer.rank == job.rank && newcomer.due < job.due;
    if (is_behind && end <= job.deadline && end + delay > job.deadline) {
      return true;
    }
  }
  return false;
}

}  // namespace cascade
