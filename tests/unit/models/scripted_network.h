#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>

#include <functional>
#include <vector>

#include "models/runtime/stage_network.h"
#include "models/stage_spec.h"

namespace cascade {

// Answers a tenth of x, and lets a test look at and change what happens.
class ScriptedNetwork final : public StageNetwork {
 public:
  explicit ScriptedNetwork(const StageSpec& spec)
      : variance_(spec.diffusion.variance == VarianceKind::kLearnedRange) {}

  at::Device device() const override { return at::kCPU; }
  int64_t weight_bytes() const override { return 0; }

  at::Tensor Run(const nn::UNetInput& input) const override {
    inputs.push_back({.x = input.x.clone(),
                      .timestep = input.timestep.clone(),
                      .class_id = input.class_id.defined()
                                      ? input.class_id.clone()
                                      : at::Tensor(),
                      .low_res = input.low_res.defined() ? input.low_res.clone()
                                                         : at::Tensor(),
                      .augmentation = input.augmentation.defined()
                                          ? input.augmentation.clone()
                                          : at::Tensor()});
    at::Tensor output = input.x * 0.1;
    if (variance_) output = at::cat({output, at::zeros_like(output)}, 1);
    if (on_run) on_run(input, output);
    return output;
  }

  mutable std::vector<nn::UNetInput> inputs;
  std::function<void(const nn::UNetInput&, at::Tensor&)> on_run;

 private:
  const bool variance_;
};

}  // namespace cascade
