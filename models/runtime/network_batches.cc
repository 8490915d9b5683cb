#include "models/runtime/network_batches.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "models/nn/input_rows.h"

namespace cascade {

NetworkBatches::NetworkBatches(const StageSpec& spec,
                               std::shared_ptr<const StageNetwork> network,
                               const ExecutorLimits& limits)
    : network_(std::move(network)),
      split_(limits),
      input_(
          nn::ZeroInput(spec, limits.batch_rows.back(), network_->device())) {}

at::Tensor NetworkBatches::Run(size_t num_rows, const SlotPool& pool,
                               StepKernels& kernels) {
  std::vector<at::Tensor> pieces;
  for (size_t begin = 0; begin < num_rows;) {
    const size_t left = num_rows - begin;
    BatchRows batch;
    batch.begin = begin;
    batch.count = static_cast<size_t>(split_.NextBatch(static_cast<int>(left)));
    batch.used = std::min(batch.count, left);
    kernels.Gather(batch, pool, input_);
    pieces.push_back(
        network_->Run(nn::FirstRows(input_, static_cast<int64_t>(batch.count)))
            .narrow(0, 0, static_cast<int64_t>(batch.used)));
    begin += batch.used;
  }
  return pieces.size() == 1 ? pieces.front().contiguous() : at::cat(pieces);
}

}  // namespace cascade
