#include "models/runtime/torch_cascade_model.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "models/runtime/torch_device.h"
#include "models/runtime/torch_status.h"
#include "models/weights/module_weights.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr int kMaxBatchRows = 1024;
constexpr int kMaxSlots = 4096;

absl::Status CheckRange(absl::string_view option, int value, int max) {
  if (value >= 1 && value <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(option, " = ", value, " is not in 1..", max));
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
  ASSIGN_OR_RETURN(const CascadeManifest manifest, ReadManifest(folder));
  std::unique_ptr<TorchCascadeModel> model(new TorchCascadeModel);
  model->spec_ = SpecOf(manifest, options.name);
  for (const StageManifest& stage : manifest.stages) {
    RETURN_IF_ERROR(
        CatchTorch([&] { return model->LoadStage(folder, stage, options); }));
  }
  return model;
}

absl::Status TorchCascadeModel::LoadStage(const std::string& folder,
                                          const StageManifest& manifest,
                                          const LoadOptions& options) {
  ASSIGN_OR_RETURN(const SafetensorsFile weights,
                   ReadStageWeights(folder, manifest));
  const nn::UninitializedScope uninitialized;
  auto unet = std::make_shared<nn::UNet>(manifest.network);
  RETURN_IF_ERROR(LoadModuleWeights(weights, *unet));

  StageSpec spec = manifest.spec;
  spec.index = static_cast<int>(stages_.size());
  spec.parameters = CountParameters(*unet);
  spec_.stages.push_back(spec);
  stages_.push_back(
      std::make_unique<LoadedStage>(spec, std::move(unet), options));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<StageExecutor>> TorchCascadeModel::MakeExecutor(
    int stage_index, const std::string& device) const {
  if (stage_index < 0 || static_cast<size_t>(stage_index) >= stages_.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "stage_index = ", stage_index, " is not in 0..", stages_.size() - 1));
  }
  ASSIGN_OR_RETURN(const at::Device parsed, ParseDevice(device));
  return stages_[static_cast<size_t>(stage_index)]->MakeExecutor(parsed);
}

absl::StatusOr<std::unique_ptr<CascadeModel>> LoadCascade(
    const std::string& path, const LoadOptions& options) {
  return TorchCascadeModel::Load(path, options);
}

}  // namespace cascade
