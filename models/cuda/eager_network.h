#pragma once

#include <memory>

#include "models/cuda/card_layers.h"
#include "models/nn/unet.h"
#include "models/runtime/stage_network.h"

namespace cascade {

// Serves a CardPlan without graphs, on whatever device `math` names: what
// replays are compared with, and the plan and the step's kernels on the host.
std::unique_ptr<StageNetwork> ServeEagerly(const nn::UNet& unet,
                                           const CardMath& math);

}  // namespace cascade
