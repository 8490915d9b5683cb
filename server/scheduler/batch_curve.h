#pragma once

#include <vector>

#include "absl/time/time.h"
#include "models/stage_executor.h"

namespace cascade {

// What batches of a stage cost: the time of a step as a function of its rows,
// never falling. Seeded with the costs that were measured at load, linear in
// between, and learned from every step that runs. A stage that was not measured
// counts as one whose steps all take the same time. A value.
//
// Learning: a step that took q times what was predicted moves the time of its
// size by q^(1/8), with q at most 2 and at least 1/2, so a single outlier does
// little. The other sizes move as well, since a device that got slower did so
// for all: wholly those that have not run for long, the less the closer to
// their last step and the farther from the size in question.
class BatchCurve {
 public:
  explicit BatchCurve(const ExecutorLimits& limits);

  // The most rows that a step may have.
  int max_rows() const { return max_rows_; }

  // The smallest of the measured sizes that reaches 95 % of the best one's rows
  // per second: a bigger batch adds latency and gains nothing. Changes only
  // when it falls below 92 %, or a smaller one reaches 98 %.
  int preferred_rows() const { return preferred_rows_; }

  // Time of a row in the best batch.
  absl::Duration row_time() const { return row_time_; }

  // Of more than max_rows(): as many full batches.
  absl::Duration StepTime(int rows) const;

  // Rows per second of a batch over those of the best batch, up to 1.
  double Efficiency(int rows) const;

  // A step of `rows` took `step_time`. Ignores what no step can take.
  void Observe(int rows, absl::Duration step_time);

 private:
  struct Size {
    double seconds = 0;
    // 1 after a step of this size, then fading.
    double freshness = 0;
  };

  // Rows per second.
  double Rate(int rows) const;
  // The smallest of the measured sizes that reaches `part` of the best.
  int SmallestBatch(double part) const;
  // After the sizes changed.
  void Refresh();

  int max_rows_ = 1;
  std::vector<int> measured_rows_;  // Ascending; never empty.
  bool is_seeded_ = false;          // By a measurement or a step.
  std::vector<Size> sizes_;         // [rows - 1], as learned.

  // Derived from the sizes.
  std::vector<absl::Duration> step_times_;  // [rows - 1], ascending.
  absl::Duration row_time_;
  int preferred_rows_ = 1;
};

}  // namespace cascade
