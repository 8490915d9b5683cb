#pragma once

#include <vector>

#include "absl/time/time.h"
#include "models/stage_executor.h"

namespace cascade {

// What batches of a stage cost: the time of a step as a function of its rows,
// linear between the measured sizes. A stage that was not measured counts as
// one whose steps all take the same time. A value.
class BatchCurve {
 public:
  explicit BatchCurve(const ExecutorLimits& limits);

  // The most rows that a step may have.
  int max_rows() const { return max_rows_; }

  // The smallest batch that reaches 95 % of the best measured rows per second:
  // a bigger one adds latency and gains nothing.
  int preferred_rows() const { return preferred_rows_; }

  // Time of a row in the best batch.
  absl::Duration row_time() const { return row_time_; }

  absl::Duration StepTime(int rows) const;

  // Rows per second of a batch over those of the best batch, up to 1.
  double Efficiency(int rows) const;

 private:
  int max_rows_ = 1;
  int preferred_rows_ = 1;
  absl::Duration row_time_;
  std::vector<BatchCost> costs_;  // Ascending; never empty.
};

}  // namespace cascade
