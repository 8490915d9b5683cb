#pragma once

#include <cstdint>

#include "models/nn/unet_config.h"

namespace cascade {

// What one evaluation of a network costs for one image.
struct UNetCost {
  int64_t parameters = 0;
  // Multiply-accumulates of convolutions, linear layers and attention; one is
  // two FLOPs.
  int64_t macs = 0;
};

// Computed from the shape alone. `config` must pass Validate().
UNetCost CostOf(const UNetConfig& config, int resolution);

}  // namespace cascade
