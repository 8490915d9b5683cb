#include "models/runtime/batch_split.h"

#include <algorithm>
#include <limits>

namespace cascade {
namespace {

// Seconds, interpolated between the measured sizes; proportional to the rows
// where there are none.
double CostOf(int rows, const std::vector<BatchCost>& costs) {
  if (costs.empty()) return rows;
  const auto above = std::lower_bound(
      costs.begin(), costs.end(), rows,
      [](const BatchCost& cost, int value) { return cost.rows < value; });
  if (above == costs.end()) {
    return costs.back().step_seconds * rows / costs.back().rows;
  }
  if (above->rows == rows || above == costs.begin()) {
    return above->step_seconds;
  }
  const auto below = std::prev(above);
  const double fraction =
      static_cast<double>(rows - below->rows) / (above->rows - below->rows);
  return below->step_seconds +
         fraction * (above->step_seconds - below->step_seconds);
}

}  // namespace

BatchSplit::BatchSplit(const ExecutorLimits& limits) {
  const int max = limits.batch_rows.back();
  next_batch_.assign(static_cast<size_t>(max) + 1, 0);
  std::vector<double> least(static_cast<size_t>(max) + 1,
                            std::numeric_limits<double>::infinity());
  least[0] = 0;
  for (int rows = 1; rows <= max; ++rows) {
    const size_t i = static_cast<size_t>(rows);
    // From large to small: of equal costs the fewest batches.
    for (auto size = limits.batch_rows.rbegin();
         size != limits.batch_rows.rend(); ++size) {
      const double rest = least[static_cast<size_t>(std::max(rows - *size, 0))];
      const double cost = CostOf(*size, limits.costs) + rest;
      if (cost >= least[i]) continue;
      least[i] = cost;
      next_batch_[i] = *size;
    }
    // A size that is allowed is what the scheduler asked for.
    if (std::binary_search(limits.batch_rows.begin(), limits.batch_rows.end(),
                           rows)) {
      least[i] = std::min(least[i], CostOf(rows, limits.costs));
      next_batch_[i] = rows;
    }
  }
}

int BatchSplit::SpareRows(int rows) const {
  while (rows > 0) rows -= NextBatch(rows);
  return -rows;
}

}  // namespace cascade
