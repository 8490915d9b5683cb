#include "models/nn/input_rows.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "models/sampling/counter_noise.h"

namespace cascade::nn {
namespace {

// `change` of each tensor that is there.
template <typename Change>
UNetInput Changed(const UNetInput& input, Change change) {
  const auto changed = [&](const at::Tensor& tensor) {
    return tensor.defined() ? change(tensor) : tensor;
  };
  return {.x = changed(input.x),
          .timestep = changed(input.timestep),
          .class_id = changed(input.class_id),
          .low_res = changed(input.low_res),
          .augmentation = changed(input.augmentation)};
}

void FillImages(const at::Tensor& images, uint64_t seed) {
  FillNormal({.seed = seed},
             {images.data_ptr<float>(), static_cast<size_t>(images.numel())});
}

}  // namespace

UNetInput ZeroInput(const StageSpec& spec, int64_t rows, at::Device device) {
  const auto zeros = [&](at::IntArrayRef sizes, at::ScalarType type) {
    return at::zeros(sizes, at::TensorOptions().dtype(type).device(device));
  };
  const std::vector<int64_t> images = {rows, spec.channels, spec.resolution,
                                       spec.resolution};
  UNetInput input;
  input.x = zeros(images, at::kFloat);
  input.timestep = zeros({rows}, at::kFloat);
  if (spec.num_classes > 0) input.class_id = zeros({rows}, at::kLong);
  if (spec.low_resolution > 0) input.low_res = zeros(images, at::kFloat);
  if (spec.augmentation.enabled) {
    input.augmentation = zeros({rows}, at::kFloat);
  }
  return input;
}

UNetInput RandomInput(const StageSpec& spec, int64_t rows, at::Device device) {
  const UNetInput input = ZeroInput(spec, rows, at::kCPU);
  FillImages(input.x, 1);
  if (input.low_res.defined()) FillImages(input.low_res, 2);
  const int64_t classes = spec.num_classes + (spec.has_null_class ? 1 : 0);
  for (int64_t i = 0; i < rows; ++i) {
    input.timestep.data_ptr<float>()[i] =
        static_cast<float>(i * (spec.diffusion.num_timesteps - 1) /
                           std::max(rows - 1, int64_t{1}));
    if (input.class_id.defined()) {
      input.class_id.data_ptr<int64_t>()[i] = i % classes;
    }
    if (input.augmentation.defined()) {
      input.augmentation.data_ptr<float>()[i] =
          static_cast<float>(i * spec.augmentation.num_timesteps / rows);
    }
  }
  return Changed(input,
                 [&](const at::Tensor& tensor) { return tensor.to(device); });
}

UNetInput Rows(const UNetInput& input, int64_t begin, int64_t count) {
  return Changed(input, [&](const at::Tensor& tensor) {
    return tensor.narrow(0, begin, count);
  });
}

UNetInput FirstRows(const UNetInput& input, int64_t count) {
  return Rows(input, 0, count);
}

}  // namespace cascade::nn
