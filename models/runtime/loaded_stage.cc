#include "models/runtime/loaded_stage.h"

#include <ATen/Parallel.h>

#include <utility>

#include "models/plan/process_memory.h"
#include "models/runtime/batch_probe.h"
#include "models/runtime/slot_pool.h"
#include "models/runtime/stage_precision.h"
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

#ifdef CASCADE_CUDA
// Of every card that our kernels are compiled for.
constexpr PrecisionSupport kCardPrecisions = {
    .has_bf16 = true, .has_bf16_units = true, .has_fp16 = true};

at::ScalarType DtypeOf(Precision precision) {
  return precision == Precision::kBf16   ? at::kBFloat16
         : precision == Precision::kFp16 ? at::kHalf
                                         : at::kFloat;
}
#endif

}  // namespace

LoadedStage::LoadedStage(StageSpec spec, std::shared_ptr<nn::UNet> unet,
                         const LoadOptions& options)
    : spec_(std::move(spec)), unet_(std::move(unet)), options_(options) {
  for (at::Device device : Devices()) residents_[device];
}

absl::StatusOr<std::unique_ptr<StageNetwork>> LoadedStage::Serve(
    at::Device device, ExecutorLimits& limits) {
  if (device.is_cpu()) {
    ASSIGN_OR_RETURN(
        limits.precision,
        ChoosePrecision(spec_, options_.precision, CpuPrecisionSupport()));
    auto network = ServePlan(*unet_, spec_, limits.precision);
    // The plan has its own; only cards would copy these.
    if (residents_.size() == 1) unet_.reset();
    return network;
  }
#ifdef CASCADE_CUDA
  ASSIGN_OR_RETURN(limits.precision,
                   ChoosePrecision(spec_, options_.precision, kCardPrecisions));
  return ServeOnCard(*unet_, spec_, device,
                     {.dtype = DtypeOf(limits.precision),
                      .max_batch_rows = options_.max_batch_rows,
                      .reproducibility = options_.reproducibility});
#else
  return absl::UnimplementedError("this build has no CUDA");
#endif
}

absl::StatusOr<LoadedStage::Network> LoadedStage::LoadTo(at::Device device) {
  return CatchTorch([&]() -> absl::StatusOr<Network> {
    at::set_num_threads(1);
    Network result;
    ASSIGN_OR_RETURN(result.network, Serve(device, result.limits));
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
    // Of the file and the modules.
    ReturnFreedMemory();
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
