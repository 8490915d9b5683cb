#include "models/training/flat_parameters.h"

#include <ATen/ops/zeros.h>

namespace cascade {
namespace {

// Parameters begin at whole cache lines.
constexpr int64_t kAlignment = 16;

}  // namespace

FlatParameters::FlatParameters(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  auto parameters = module.named_parameters();
  int64_t size = 0;
  for (const auto& entry : parameters) {
    const at::Tensor& parameter = entry.value();
    segments_.push_back({.name = entry.key(),
                         .offset = size,
                         .shape = parameter.sizes().vec(),
                         .elements = parameter.numel()});
    parameter_count_ += parameter.numel();
    size += (parameter.numel() + kAlignment - 1) / kAlignment * kAlignment;
  }
  const at::TensorOptions options =
      parameters.begin()->value().options().requires_grad(false);
  values_ = at::zeros({size}, options);
  gradients_ = at::zeros({size}, options);
  size_t index = 0;
  for (auto& entry : parameters) {
    const Segment& segment = segments_[index++];
    at::Tensor& parameter = entry.value();
    const at::Tensor part = Part(values_, segment);
    part.copy_(parameter);
    parameter.set_data(part);
    parameter.mutable_grad() = Part(gradients_, segment);
  }
}

at::Tensor FlatParameters::Part(const at::Tensor& flat,
                                const Segment& segment) {
  return flat.narrow(0, segment.offset, segment.elements).view(segment.shape);
}

}  // namespace cascade
