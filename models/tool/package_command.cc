#include <ATen/core/Tensor.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "models/cascade_model.h"
#include "models/nn/unet_cost.h"
#include "models/runtime/torch_status.h"
#include "models/sha256.h"
#include "models/tool/commands.h"
#include "models/tool/exit_status.h"
#include "models/weights/cascade_manifest.h"
#include "models/weights/module_weights.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

struct PackageArguments {
  std::vector<std::string> checkpoints;
  std::string out;
  std::string name;
  std::string description;
  std::vector<std::string> class_names;
  bool raw_weights = false;
  bool half = false;
};

// The tensors as float16, in memory that `owners` hold. INVALID_ARGUMENT naming
// file and tensor if a value is beyond its range.
absl::Status Halve(const std::string& file,
                   std::map<std::string, TensorView>& tensors,
                   std::vector<at::Tensor>& owners) {
  return CatchTorch([&] {
    for (auto& [name, view] : tensors) {
      const at::Tensor half = TensorOfView(view).to(at::kHalf);
      if (!half.isfinite().all().item<bool>()) {
        return absl::InvalidArgumentError(
            absl::StrCat(file, ": tensor ", name,
                         " has a value above 65504, too large for --half"));
      }
      view = ViewOfTensor(half);
      owners.push_back(half);
    }
    return absl::OkStatus();
  });
}

// Writes the weights of one checkpoint into the package and returns the stage.
absl::StatusOr<StageManifest> PackStage(const std::string& checkpoint,
                                        const PackageArguments& arguments) {
  ASSIGN_OR_RETURN(const SafetensorsFile file,
                   SafetensorsFile::Read(checkpoint));
  const auto stage_json = file.metadata().find("stage");
  if (stage_json == file.metadata().end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        checkpoint, " is not a checkpoint of cascade-model train"));
  }
  ASSIGN_OR_RETURN(StageManifest stage,
                   ParseStage(stage_json->second, checkpoint));
  const std::string prefix = arguments.raw_weights ? "weights." : "ema.";
  std::map<std::string, TensorView> tensors;
  for (const auto& [name, tensor] : file.tensors()) {
    if (absl::StartsWith(name, prefix)) {
      tensors[name.substr(prefix.size())] = tensor;
    }
  }
  std::vector<at::Tensor> halves;
  if (arguments.half) RETURN_IF_ERROR(Halve(checkpoint, tensors, halves));
  stage.weights_file = absl::StrCat(stage.spec.name, ".safetensors");
  const std::string path =
      (std::filesystem::path(arguments.out) / stage.weights_file).string();
  RETURN_IF_ERROR(WriteSafetensors(path, tensors));
  ASSIGN_OR_RETURN(const std::vector<std::byte> written, ReadWholeFile(path));
  stage.spec.weights_sha256 = Sha256Hex(written);
  return stage;
}

absl::Status RunPackage(const PackageArguments& arguments) {
  std::error_code error;
  std::filesystem::create_directories(arguments.out, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot create ", arguments.out, ": ", error.message()));
  }
  CascadeManifest manifest;
  manifest.name = arguments.name;
  manifest.description = arguments.description;
  manifest.class_names = arguments.class_names;
  for (const std::string& checkpoint : arguments.checkpoints) {
    ASSIGN_OR_RETURN(StageManifest stage, PackStage(checkpoint, arguments));
    manifest.stages.push_back(std::move(stage));
  }
  RETURN_IF_ERROR(WriteManifest(arguments.out, manifest));
  // What was written must be what can be read.
  RETURN_IF_ERROR(LoadCascade(arguments.out, {}).status());
  ASSIGN_OR_RETURN(const CascadeManifest written, ReadManifest(arguments.out));
  for (const StageManifest& stage : written.stages) {
    std::printf("%s: %lld parameters, %s\n", stage.spec.name.c_str(),
                static_cast<long long>(
                    CostOf(stage.network, stage.spec.resolution).parameters),
                stage.weights_file.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddPackageCommand(CLI::App& app) {
  auto arguments = std::make_shared<PackageArguments>();
  CLI::App* command = app.add_subcommand(
      "package",
      "Makes a package from the checkpoints of trained stages: cascade.json "
      "and the averaged weights.");
  command
      ->add_option("checkpoints", arguments->checkpoints,
                   "Checkpoints, from the base up")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--out", arguments->out, "Folder of the package")
      ->required();
  command->add_option("--name", arguments->name, "Name of the cascade")
      ->required();
  command->add_option("--description", arguments->description,
                      "One sentence for those who list cascades");
  command
      ->add_option("--class_names", arguments->class_names,
                   "Names of the classes, separated by commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_flag("--raw_weights", arguments->raw_weights,
                    "The last weights instead of their average");
  command->add_flag("--half", arguments->half,
                    "Store the weights as float16: half the bytes. They are "
                    "computed with as float32");
  command->callback([arguments] { ExitUnlessOk(RunPackage(*arguments)); });
}

}  // namespace cascade
