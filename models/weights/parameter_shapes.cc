#include "models/weights/parameter_shapes.h"

#include "models/nn/unet.h"
#include "models/runtime/torch_status.h"

namespace cascade {

absl::StatusOr<std::map<std::string, std::vector<int64_t>>> ParameterShapes(
    const UNetConfig& config) {
  using Shapes = std::map<std::string, std::vector<int64_t>>;
  return CatchTorch([&]() -> absl::StatusOr<Shapes> {
    // Memory that is not written to is not taken.
    const nn::UninitializedScope uninitialized;
    const nn::UNet unet(config);
    Shapes shapes;
    for (const auto& entry : unet.named_parameters()) {
      shapes[entry.key()] = entry.value().sizes().vec();
    }
    return shapes;
  });
}

}  // namespace cascade
