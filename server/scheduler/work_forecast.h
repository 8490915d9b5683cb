#pragma once

#include <span>

#include "absl/time/time.h"

namespace cascade {

// When a job would start and end: a pure function over the work that is there.
//
// The lanes are taken as a fluid that serves classes of priority strictly one
// after the other; within a class, tenants in proportion to their weights; and
// of a tenant's jobs, the one that is due first. By the time a tenant of weight
// w has had work A done, another one of weight v that always had work has had
// A·v/w, and one with less work than that all of it.
//
// Once begun, a job shares its batches and its lanes with others: its steps
// take longer than alone, up to those of full batches, as far as there is
// company.

struct JobWork {
  int rank = 1;    // Of its priority; 0 goes first.
  int tenant = 0;  // An index of `weights`.
  absl::Time due = absl::InfiniteFuture();
  // Device time left, in full batches, over all its images.
  absl::Duration work = absl::ZeroDuration();
};

struct ForecastInput {
  // Admitted before: of equal due times theirs count as earlier.
  std::span<const JobWork> others = {};
  JobWork self = {};
  // Wall time of the job alone on an idle server.
  absl::Duration unloaded = absl::ZeroDuration();
  // Likewise, were each of its batches full of others.
  absl::Duration loaded = absl::ZeroDuration();
  double lanes = 1;                      // Above 0.
  std::span<const double> weights = {};  // By tenant; above 0.
};

struct Forecast {
  absl::Duration wait = absl::ZeroDuration();   // Until its first step.
  absl::Duration total = absl::ZeroDuration();  // Until its end.
};

// What comes later is not foreseen: more urgent jobs delay this one further.
Forecast Predict(const ForecastInput& input);

}  // namespace cascade
