#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/cuda/card_layers.h"
#include "models/nn/planned_unet.h"
#include "models/nn/unet.h"

namespace cascade {

// nn::UNet in inference on a card, built once from the same weights: as
// models/plan/unet_plan.h, with cuDNN's convolutions, ATen's attention and our
// norm. Queues on the current stream and waits for nothing, so that it can be
// captured.
//
// Its outputs are the modules' but for rounding. Immutable; Run() may be called
// on several threads at once, without gradients.
class CardPlan {
 public:
  // Copies what it needs of `unet`. Throws what LibTorch throws.
  CardPlan(const nn::UNet& unet, const CardMath& math);

  // As nn::UNet::forward(): [batch, out_channels, size, size], float, of
  // whatever strides. The input is on the card.
  at::Tensor Run(const nn::UNetInput& input) const { return unet_.Run(input); }

  int64_t weight_bytes() const { return unet_.weight_bytes(); }

 private:
  const nn::PlannedUNet unet_;
};

}  // namespace cascade
