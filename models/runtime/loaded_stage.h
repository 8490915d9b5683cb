#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"
#include "models/nn/unet.h"
#include "models/runtime/stage_network.h"

namespace cascade {

// One stage of a package, and its networks on the devices that use it. A device
// gets the weights, and is measured, when its first executor is made.
//
// Thread-safe. The weights as they were read go when the CPU has its plan, but
// stay in a process with cards, which copy them.
class LoadedStage {
 public:
  // `unet` is on the CPU and complete.
  LoadedStage(StageSpec spec, std::shared_ptr<nn::UNet> unet,
              const LoadOptions& options);

  const StageSpec& spec() const { return spec_; }

  // Blocks while the device is loaded and measured. `device` is one of this
  // process's (ParseDevice).
  absl::StatusOr<std::unique_ptr<StageExecutor>> MakeExecutor(
      at::Device device);

 private:
  struct Network {
    std::shared_ptr<const StageNetwork> network;
    ExecutorLimits limits;
  };
  // Loaded by the first call for the device, which the others wait for.
  struct Resident {
    std::once_flag once;
    absl::StatusOr<Network> loaded;
  };

  absl::StatusOr<Network> LoadTo(at::Device device);
  // Tells the precision to `limits`.
  absl::StatusOr<std::unique_ptr<StageNetwork>> Serve(at::Device device,
                                                      ExecutorLimits& limits);

  const StageSpec spec_;
  // As it was read; null once nothing will be made of it any more.
  std::shared_ptr<nn::UNet> unet_;
  const LoadOptions options_;
  // One for each device of this process; none is added later.
  std::unordered_map<at::Device, Resident> residents_;
};

}  // namespace cascade
