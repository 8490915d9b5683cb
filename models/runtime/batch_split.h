#pragma once

#include <span>
#include <vector>

#include "models/stage_executor.h"

namespace cascade {

// The cheapest way to compute any number of rows in batches of the sizes that
// an executor may use, by their measured cost: split into several, or filled up
// to the next larger one.
class BatchSplit {
 public:
  explicit BatchSplit(const ExecutorLimits& limits);

  // The size of the next batch for `rows` rows, 1 .. the largest size: all of
  // them with some to spare, or the first of them.
  int NextBatch(int rows) const {
    return next_batch_[static_cast<size_t>(rows)];
  }

  // Rows to spare in all batches that `rows` rows take.
  int SpareRows(int rows) const;

 private:
  std::vector<int> next_batch_;  // By rows; [0] is unused.
};

}  // namespace cascade
