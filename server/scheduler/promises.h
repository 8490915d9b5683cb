#pragma once

#include <vector>

#include "absl/time/time.h"

namespace cascade {

// Whether an admitted deadline survives a newcomer: a pure function.

// A job that was admitted, as far as others' work can make it late.
struct Promise {
  int rank = 1;  // Of its priority; 0 goes first.
  absl::Time due = absl::InfiniteFuture();
  // Device time left, in full batches, over all its images.
  absl::Duration work = absl::ZeroDuration();
  absl::Time deadline = absl::InfiniteFuture();  // Infinite: none.
};

// Whether `newcomer`, which goes ahead of all that have a worse rank, or the
// same and are due later, would make one of `jobs` of its own rank late that is
// in time without it. `lanes` work at the same time; above 0.
bool BreaksPromise(std::vector<Promise> jobs, const Promise& newcomer,
                   double lanes, absl::Time now);

}  // namespace cascade
