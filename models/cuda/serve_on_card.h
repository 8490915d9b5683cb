#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "models/cascade_model.h"
#include "models/nn/unet.h"
#include "models/runtime/stage_network.h"
#include "models/stage_spec.h"

namespace cascade {

struct CardOptions {
  // Of what is between the network's input and its output, which are floats:
  // kBFloat16, kHalf or kFloat.
  at::ScalarType dtype = at::kFloat;
  int max_batch_rows = 32;
  // In EXACT mode small batches are filled up where that makes the bits of an
  // image the same in more batches (ChooseFloor).
  Reproducibility reproducibility = Reproducibility::kExact;
};

// Brings a network, which is on the CPU, onto a card and captures a CUDA graph
// of it for batches of 1, 2, 4 ... rows: what Run() replays, on the current
// stream, one call after the other. Blocks for seconds. In a build with CUDA.
// Throws what LibTorch throws.
std::unique_ptr<StageNetwork> ServeOnCard(const nn::UNet& unet,
                                          const StageSpec& spec,
                                          at::Device device,
                                          const CardOptions& options);

}  // namespace cascade
