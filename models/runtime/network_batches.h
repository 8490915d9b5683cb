#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <vector>

#include "models/runtime/batch_split.h"
#include "models/runtime/slot_pool.h"
#include "models/runtime/stage_network.h"
#include "models/runtime/step_kernels.h"
#include "models/stage_executor.h"

namespace cascade {

// One row for a network to evaluate.
struct NetworkRow {
  GatherRow image;
  double timestep = 0;
  int64_t class_id = 0;
  float augmentation = 0;
};

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

  // The outputs of `rows`, in their order. Throws what LibTorch throws.
  at::Tensor Run(std::span<const NetworkRow> rows, const SlotPool& pool,
                 StepKernels& kernels);

 private:
  // `batch` rows, the spare ones filled in. Returns all their outputs.
  at::Tensor RunBatch(std::span<const NetworkRow> rows, size_t batch,
                      const SlotPool& pool, StepKernels& kernels);

  const std::shared_ptr<const StageNetwork> network_;
  const BatchSplit split_;
  // As large as the largest batch. Images are on the device, the small tensors
  // are written on the host.
  const nn::UNetInput input_;
  std::vector<GatherRow> gather_rows_;  // Reused by each batch.
};

}  // namespace cascade
