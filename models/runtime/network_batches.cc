#include "models/runtime/network_batches.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace cascade {
namespace {

nn::UNetInput MakeInput(const StageSpec& spec, int rows, at::Device device) {
  const auto values = [&](at::ScalarType type) {
    return at::empty({rows}, at::TensorOptions().dtype(type).device(device));
  };
  nn::UNetInput input;
  input.x = EmptyImages(spec, rows, device);
  input.timestep = values(at::kFloat);
  if (spec.num_classes > 0) input.class_id = values(at::kLong);
  if (spec.low_resolution > 0) input.low_res = EmptyImages(spec, rows, device);
  if (spec.augmentation.enabled) input.augmentation = values(at::kFloat);
  return input;
}

// The first `rows` of each of the input's tensors.
nn::UNetInput FirstRows(const nn::UNetInput& input, int64_t rows) {
  const auto first = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.narrow(0, 0, rows) : tensor;
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
        network_->Run(FirstRows(input_, static_cast<int64_t>(batch.count)))
            .narrow(0, 0, static_cast<int64_t>(batch.used)));
    begin += batch.used;
  }
  return pieces.size() == 1 ? pieces.front().contiguous() : at::cat(pieces);
}

}  // namespace cascade
