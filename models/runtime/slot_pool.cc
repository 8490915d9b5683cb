#include "models/runtime/slot_pool.h"

#include <ATen/ops/empty.h>

namespace cascade {
namespace {

int64_t ImageElements(const StageSpec& spec) {
  return int64_t{spec.channels} * spec.resolution * spec.resolution;
}

}  // namespace

SlotPool::SlotPool(const StageSpec& spec, int slots, at::Device device) {
  x = EmptyImages(spec, int64_t{2} * slots, device);
  x0 = EmptyImages(spec, int64_t{kHistoryLength} * slots, device);
  if (spec.low_resolution > 0) low_res = EmptyImages(spec, slots, device);
}

int64_t SlotPool::BytesPerSlot(const StageSpec& spec) {
  const int64_t rows = 2 + kHistoryLength + (spec.low_resolution > 0 ? 1 : 0);
  return rows * ImageElements(spec) * int64_t{sizeof(float)};
}

at::Tensor EmptyImages(const StageSpec& spec, int64_t count,
                       at::Device device) {
  return at::empty({count, spec.channels, spec.resolution, spec.resolution},
                   at::TensorOptions().dtype(at::kFloat).device(device));
}

float* HostRow(const at::Tensor& tensor, int64_t row) {
  return tensor.data_ptr<float>() + row * tensor.stride(0);
}

}  // namespace cascade
