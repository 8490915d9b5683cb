#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/nn/unet_config.h"

namespace cascade {

// The names and shapes of the parameters of a network, as LoadModuleWeights()
// wants them. `config` must pass Validate().
// RESOURCE_EXHAUSTED where such a network cannot be made.
absl::StatusOr<std::map<std::string, std::vector<int64_t>>> ParameterShapes(
    const UNetConfig& config);

}  // namespace cascade
