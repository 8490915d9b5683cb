#include "models/runtime/loaded_stage.h"

#include <ATen/Parallel.h>

#include <utility>

#include "models/runtime/batch_probe.h"
#include "models/runtime/slot_pool.h"
#include "models/runtime/step_memory.h"
#include "models/runtime/torch_device.h"
#include "models/runtime/torch_stage_executor.h"
#include "models/runtime/torch_status.h"
#include "models/sampling/counter_noise.h"
#include "server/base/status_macros.h"

#ifdef CASCADE_CUDA
#include "models/cuda/serve_on_card.h"
#endif

namespace cascade {
namespace {

// Of each stage; a cascade of three small ones loads within three seconds.
constexpr absl::Duration kProbeTime = absl::Milliseconds(700);

std::unique_ptr<StageNetwork> Serve(std::shared_ptr<nn::UNet> unet,
                                    [[maybe_unused]] const StageSpec& spec,
                                    [[maybe_unused]] const LoadOptions& options,
                                    at::Device device) {
#ifdef CASCADE_CUDA
  if (device.is_cuda()) {
    return ServeOnCard(*unet, spec, device,
                       {.max_batch_rows = options.max_batch_rows,
                        .reproducibility = options.reproducibility});
  }
#endif
  return ServeModules(std::move(unet), device);
}

}  // namespace

LoadedStage::LoadedStage(StageSpec spec, std::shared_ptr<nn::UNet> unet,
                         const LoadOptions& options)
    : spec_(std::move(spec)), unet_(std::move(unet)), options_(options) {
  for (at::Device device : Devices()) residents_[device];
}

absl::StatusOr<LoadedStage::Network> LoadedStage::LoadTo(
    at::Device device) const {
  return CatchTorch([&]() -> absl::StatusOr<Network> {
    at::set_num_threads(1);
    Network result;
    result.network = Serve(unet_, spec_, options_, device);
    BatchProbe probe =
        ProbeBatches(*result.network, spec_, options_.max_batch_rows,
                     options_.reproducibility, kProbeTime);
    ExecutorLimits& limits = result.limits;
    limits.slots = options_.slots_per_executor;
    limits.batch_rows = std::move(probe.rows);
    limits.costs = std::move(probe.costs);
    limits.weight_bytes = result.network->weight_bytes();
    limits.bytes_per_slot = SlotPool::BytesPerSlot(spec_);
    ASSIGN_OR_RETURN(limits.bytes_per_row,
                     MeasureBytesPerRow(spec_, result.network, limits));
    return result;
  });
}

absl::StatusOr<std::unique_ptr<StageExecutor>> LoadedStage::MakeExecutor(
    at::Device device) {
  Resident& resident = residents_.at(device);
  std::call_once(resident.once, [&] { resident.loaded = LoadTo(device); });
  RETURN_IF_ERROR(resident.loaded.status());
  return TorchStageExecutor::Create(spec_, resident.loaded->network,
                                    resident.loaded->limits,
                                    std::make_shared<CounterNoise>());
}

}  // namespace cascade
