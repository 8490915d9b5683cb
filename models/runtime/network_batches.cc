#include "models/runtime/network_batches.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

namespace cascade {
namespace {

nn::UNetInput MakeInput(const StageSpec& spec, int rows, at::Device device) {
  nn::UNetInput input;
  input.x = EmptyImages(spec, rows, device);
  input.timestep = at::empty({rows}, at::kFloat);
  if (spec.num_classes > 0) input.class_id = at::empty({rows}, at::kLong);
  if (spec.low_resolution > 0) input.low_res = EmptyImages(spec, rows, device);
  if (spec.augmentation.enabled) {
    input.augmentation = at::empty({rows}, at::kFloat);
  }
  return input;
}

// The first `rows` of each of the input's tensors, on `device`.
nn::UNetInput FirstRows(const nn::UNetInput& input, int64_t rows,
                        at::Device device) {
  const auto first = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.narrow(0, 0, rows).to(device) : tensor;
  };
  return {.x = first(input.x),
          .timestep = first(input.timestep),
          .class_id = first(input.class_id),
          .low_res = first(input.low_res),
          .augmentation = first(input.augmentation)};
}

}  // namespace

NetworkBatches::NetworkBatches(const StageSpec& spec,
                               std::shared_ptr<const StageNetwork> network,
                               const ExecutorLimits& limits)
    : network_(std::move(network)),
      split_(limits),
      input_(MakeInput(spec, limits.batch_rows.back(), network_->device())) {}

at::Tensor NetworkBatches::Run(std::span<const NetworkRow> rows,
                               const SlotPool& pool, StepKernels& kernels) {
  std::vector<at::Tensor> pieces;
  for (size_t begin = 0; begin < rows.size();) {
    const size_t left = rows.size() - begin;
    const size_t batch =
        static_cast<size_t>(split_.NextBatch(static_cast<int>(left)));
    const size_t used = std::min(batch, left);
    pieces.push_back(RunBatch(rows.subspan(begin, used), batch, pool, kernels)
                         .narrow(0, 0, static_cast<int64_t>(used)));
    begin += used;
  }
  return pieces.size() == 1 ? pieces.front().contiguous() : at::cat(pieces);
}

at::Tensor NetworkBatches::RunBatch(std::span<const NetworkRow> rows,
                                    size_t batch, const SlotPool& pool,
                                    StepKernels& kernels) {
  gather_rows_.clear();
  for (size_t i = 0; i < batch; ++i) {
    // Spare rows repeat the last one.
    const NetworkRow& row = rows[std::min(i, rows.size() - 1)];
    gather_rows_.push_back(row.image);
    input_.timestep.data_ptr<float>()[i] = static_cast<float>(row.timestep);
    if (input_.class_id.defined()) {
      input_.class_id.data_ptr<int64_t>()[i] = row.class_id;
    }
    if (input_.augmentation.defined()) {
      input_.augmentation.data_ptr<float>()[i] = row.augmentation;
    }
  }
  kernels.Gather(pool, gather_rows_, input_.x, input_.low_res);
  return network_->Run(
      FirstRows(input_, static_cast<int64_t>(batch), network_->device()));
}

}  // namespace cascade
