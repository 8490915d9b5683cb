#pragma once

#include <vector>

#include "absl/time/time.h"
#include "server/scheduler/fair_share.h"
#include "server/scheduler/image_board.h"
#include "server/scheduler/job.h"
#include "server/scheduler/work_forecast.h"

namespace cascade {

// The jobs on the board that work on the lanes of a newcomer, which is not on
// the board yet. Made for one decision, under the Scheduler's lock.
class Competition {
 public:
  // `board` and `newcomer` outlive it.
  Competition(const ImageBoard& board, const Job& newcomer);

  // When the newcomer would start and end, going by its `due`.
  Forecast Foresee(const FairShare& tenants) const;

  // Whether the newcomer would make a job of its own priority and tenant late
  // that was admitted with a deadline. A better priority may do so, and between
  // tenants the fair share decides.
  bool DelaysOthers(absl::Time now) const;

  // When the last of these jobs is due; the infinite past: there is none.
  absl::Time LastPromise() const;

 private:
  struct Rival {
    const Job* job;
    absl::Duration work;  // Left, on the lanes of the newcomer.
  };

  bool IsPeer(const Job& job) const;

  const ImageBoard& board_;
  const Job& newcomer_;
  std::vector<absl::Duration> work_;  // The newcomer's, by stage.
  double lanes_ = 1;
  std::vector<Rival> rivals_;
};

// Wall time until the lanes of a cascade have done what is on the board for
// them.
absl::Duration Backlog(const ImageBoard& board, CascadeId cascade,
                       int num_stages);

}  // namespace cascade
