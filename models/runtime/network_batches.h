#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "models/runtime/batch_split.h"
#include "models/runtime/slot_pool.h"
#include "models/runtime/stage_network.h"
#include "models/runtime/step_kernels.h"
#include "models/stage_executor.h"

namespace cascade {

// Evaluates any number of rows in batches of the sizes that are exact, split or
// filled up as BatchSplit says. Owned by one executor; holds the network's
// input.
class NetworkBatches {
 public:
  NetworkBatches(const StageSpec& spec,
                 std::shared_ptr<const StageNetwork> network,
                 const ExecutorLimits& limits);

  // Rows that Run() fills in for so many.
  int SpareRows(int rows) const { return split_.SpareRows(rows); }

  // The outputs of the `num_rows` network rows that `kernels` began a step of,
  // in their order. Throws what LibTorch throws.
  at::Tensor Run(size_t num_rows, const SlotPool& pool, StepKernels& kernels);

 private:
  const std::shared_ptr<const StageNetwork> network_;
  const BatchSplit split_;
  const nn::UNetInput input_;  // As large as the largest batch.
};

}  // namespace cascade
