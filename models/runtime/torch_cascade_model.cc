#include "models/runtime/torch_cascade_model.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "models/runtime/batch_probe.h"
#include "models/runtime/slot_pool.h"
#include "models/runtime/torch_device.h"
#include "models/runtime/torch_stage_executor.h"
#include "models/runtime/torch_status.h"
#include "models/sampling/counter_noise.h"
#include "models/weights/module_weights.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr int kMaxBatchRows = 1024;
constexpr int kMaxSlots = 4096;
// Of each stage; a cascade of three small ones loads within three seconds.
constexpr absl::Duration kProbeTime = absl::Milliseconds(700);

absl::Status CheckRange(absl::string_view option, int value, int max) {
  if (value >= 1 && value <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(option, " = ", value, " is not in 1..", max));
}

// What a row needs while the network runs, from its shape: the skip connections
// that are alive at the turn, and the intermediate values of the widest level.
int64_t BytesPerRow(const UNetConfig& config, int resolution) {
  int64_t skips = 0;
  int64_t widest = 0;
  for (int level = 0; level < static_cast<int>(config.channel_mult.size());
       ++level) {
    const int64_t side = std::max(resolution >> level, 1);
    const int64_t elements = side * side * config.level_channels(level);
    skips += elements * (config.num_res_blocks + 1);
    widest = std::max(widest, elements);
  }
  constexpr int64_t kLiveTensors = 6;  // Of a residual block.
  return (skips + kLiveTensors * widest) * int64_t{sizeof(float)};
}

int64_t CountParameters(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const at::Tensor& parameter : module.parameters()) {
    count += parameter.numel();
  }
  return count;
}

CascadeSpec SpecOf(const CascadeManifest& manifest, const std::string& name) {
  CascadeSpec spec;
  spec.name = name.empty() ? manifest.name : name;
  spec.description = manifest.description;
  spec.digest = manifest.digest;
  spec.class_names = manifest.class_names;
  return spec;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TorchCascadeModel>> TorchCascadeModel::Load(
    const std::string& folder, const LoadOptions& options) {
  RETURN_IF_ERROR(
      CheckRange("max_batch_rows", options.max_batch_rows, kMaxBatchRows));
  RETURN_IF_ERROR(
      CheckRange("slots_per_executor", options.slots_per_executor, kMaxSlots));
  ASSIGN_OR_RETURN(const at::Device device, ParseDevice("cpu"));
  ASSIGN_OR_RETURN(const CascadeManifest manifest, ReadManifest(folder));
  std::unique_ptr<TorchCascadeModel> model(new TorchCascadeModel(options));
  model->spec_ = SpecOf(manifest, options.name);
  for (const StageManifest& stage : manifest.stages) {
    RETURN_IF_ERROR(
        CatchTorch([&] { return model->LoadStage(folder, stage, device); }));
  }
  return model;
}

absl::Status TorchCascadeModel::LoadStage(const std::string& folder,
                                          const StageManifest& manifest,
                                          at::Device device) {
  ASSIGN_OR_RETURN(const SafetensorsFile weights,
                   ReadStageWeights(folder, manifest));
  const nn::UninitializedScope uninitialized;
  auto unet = std::make_shared<nn::UNet>(manifest.network);
  RETURN_IF_ERROR(LoadModuleWeights(weights, *unet));

  StageSpec spec = manifest.spec;
  spec.index = static_cast<int>(stages_.size());
  spec.parameters = CountParameters(*unet);
  spec_.stages.push_back(spec);

  auto stage = std::make_unique<Stage>();
  stage->bytes_per_row = BytesPerRow(manifest.network, spec.resolution);
  stage->network = ServeModules(std::move(unet), device);
  stages_.push_back(std::move(stage));
  return absl::OkStatus();
}

absl::StatusOr<ExecutorLimits> TorchCascadeModel::Probe(
    const StageSpec& spec, const Stage& stage) const {
  return CatchTorch([&]() -> absl::StatusOr<ExecutorLimits> {
    at::set_num_threads(1);
    BatchProbe probe =
        ProbeBatches(*stage.network, spec, options_.max_batch_rows,
                     options_.reproducibility, kProbeTime);
    ExecutorLimits limits;
    limits.slots = options_.slots_per_executor;
    limits.batch_rows = std::move(probe.rows);
    limits.costs = std::move(probe.costs);
    limits.bytes_per_slot = SlotPool::BytesPerSlot(spec);
    limits.bytes_per_row = stage.bytes_per_row;
    return limits;
  });
}

absl::StatusOr<std::unique_ptr<StageExecutor>> TorchCascadeModel::MakeExecutor(
    int stage_index, const std::string& /*device*/) const {
  if (stage_index < 0 || static_cast<size_t>(stage_index) >= stages_.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "stage_index = ", stage_index, " is not in 0..", stages_.size() - 1));
  }
  Stage& stage = *stages_[static_cast<size_t>(stage_index)];
  const StageSpec& spec = spec_.stages[static_cast<size_t>(stage_index)];
  std::call_once(stage.probed, [&] { stage.limits = Probe(spec, stage); });
  RETURN_IF_ERROR(stage.limits.status());
  return TorchStageExecutor::Create(spec, stage.network, *stage.limits,
                                    std::make_shared<CounterNoise>());
}

absl::StatusOr<std::unique_ptr<CascadeModel>> LoadCascade(
    const std::string& path, const LoadOptions& options) {
  return TorchCascadeModel::Load(path, options);
}

}  // namespace cascade
