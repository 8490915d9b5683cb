#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "models/nn/unet.h"
#include "models/precision.h"
#include "models/runtime/step_kernels.h"
#include "models/stage_spec.h"

namespace cascade {

// The network of a stage, ready for inference. Holds the weights, and is shared
// by the executors of a device; its methods may be called on several threads at
// once.
class StageNetwork {
 public:
  virtual ~StageNetwork() = default;

  virtual at::Device device() const = 0;
  // That it keeps on the device: parameters, and what graphs hold.
  virtual int64_t weight_bytes() const = 0;
  // The raw outputs [batch, out_channels, size, size], float. Throws what
  // LibTorch throws.
  virtual at::Tensor Run(const nn::UNetInput& input) const = 0;
  // What an executor's steps of up to `max_rows` network rows do beside the
  // network, on its device. Throws what LibTorch throws.
  virtual std::unique_ptr<StepKernels> MakeStepKernels(const StageSpec& spec,
                                                       int max_rows) const;
};

// For comparison: serves the modules as they were trained, `unet` itself, which
// is on the CPU, or a copy of it on another device. Throws what LibTorch
// throws.
std::unique_ptr<StageNetwork> ServeModules(std::shared_ptr<nn::UNet> unet,
                                           at::Device device);

// Serves an inference plan (models/plan) of the stage's network on the CPU, in
// kFp32 or kBf16; holds nothing of `unet` but what the plan took. Throws what
// LibTorch throws.
std::unique_ptr<StageNetwork> ServePlan(const nn::UNet& unet,
                                        const StageSpec& spec,
                                        Precision precision);

}  // namespace cascade
