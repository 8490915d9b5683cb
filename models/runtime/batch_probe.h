#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "models/cascade_model.h"
#include "models/runtime/stage_network.h"
#include "models/stage_executor.h"
#include "models/stage_spec.h"

namespace cascade {

// Batch sizes of a network on its device, and what they cost.
struct BatchProbe {
  std::vector<int> rows;  // Ascending; as ExecutorLimits::batch_rows.
  std::vector<BatchCost> costs;
};

// Runs `network` on random inputs in batches of up to `max_rows` rows, on the
// calling thread. In EXACT mode a size counts when each of its rows has the
// bits of the same row computed alone. Sizes are tried from useful to rare
// until `time_limit` has passed (the most useful ones for longer), so a slow
// network gets fewer of them: one row always, and two where they are exact,
// which a guided image takes. BatchSplit makes up the others.
// Throws what LibTorch throws.
BatchProbe ProbeBatches(const StageNetwork& network, const StageSpec& spec,
                        int max_rows, Reproducibility reproducibility,
                        absl::Duration time_limit);

}  // namespace cascade
