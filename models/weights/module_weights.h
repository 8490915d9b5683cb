#pragma once

#include <torch/nn/module.h>

#include <map>
#include <string>

#include "absl/status/status.h"
#include "models/weights/safetensors.h"

namespace cascade {

// These throw what LibTorch throws (memory may run out): call them inside
// CatchTorch().

// Copies the tensors of `file` into the parameters of `module`. The names must
// be the module's, no more and no fewer, with its shapes, and float types; a
// missing, extra or mis-shaped tensor is named with its file (DATA_LOSS), and
// nothing is copied then.
absl::Status LoadModuleWeights(const SafetensorsFile& file,
                               torch::nn::Module& module);

// A tensor on the host that shares the bytes of `view`.
at::Tensor TensorOfView(const TensorView& view);
// A view of a contiguous host tensor's bytes.
TensorView ViewOfTensor(const at::Tensor& tensor);

// Writes the module's parameters as float32.
absl::Status SaveModuleWeights(
    const std::string& path, const torch::nn::Module& module,
    const std::map<std::string, std::string>& metadata = {});

}  // namespace cascade
