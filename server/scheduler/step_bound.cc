#include "server/scheduler/step_bound.h"

namespace cascade {

ExecutorLimits WithinStepBytes(ExecutorLimits limits, int64_t max_step_bytes) {
  if (max_step_bytes <= 0 || limits.bytes_per_row <= 0) return limits;
  while (limits.batch_rows.size() > 1 &&
         limits.batch_rows.back() * limits.bytes_per_row > max_step_bytes) {
    limits.batch_rows.pop_back();
  }
  return limits;
}

}  // namespace cascade
