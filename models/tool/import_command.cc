#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/import/class_names.h"
#include "models/import/import_stage.h"
#include "models/import/known_checkpoints.h"
#include "models/nn/unet_cost.h"
#include "models/tool/commands.h"
#include "models/tool/exit_status.h"
#include "models/weights/cascade_manifest.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

struct ImportArguments {
  std::vector<std::string> checkpoints;
  std::vector<std::string> kinds;  // Known names or stage files.
  std::string out;
  std::string name;
  std::string description;
  std::vector<std::string> class_names;
  std::string class_list;
};

std::string KnownText() {
  std::string text =
      "Checkpoints that --as knows, by the names of their files:\n";
  std::string origin;
  for (const KnownCheckpoint& known : KnownCheckpoints()) {
    if (known.origin != origin) {
      origin = known.origin;
      absl::StrAppend(&text, "  ", origin, "\n");
    }
    absl::StrAppend(
        &text, "    ", known.name,
        std::string(known.name.size() < 26 ? 28 - known.name.size() : 2, ' '),
        known.description, "\n");
  }
  absl::StrAppend(
      &text,
      "A name that ends with .json is a file with the stage's description, as "
      "a training configuration has it;\nits attention_order is the "
      "checkpoint's.\n");
  return text;
}

absl::StatusOr<KnownCheckpoint> ReadDescribed(const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, ReadWholeFile(path));
  KnownCheckpoint known;
  ASSIGN_OR_RETURN(
      known.stage,
      ParseStage({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                 path));
  known.name = std::filesystem::path(path).filename().string();
  known.attention = known.stage.network.attention_order == AttentionOrder::kNew
                        ? AttentionLayout::kNew
                        : AttentionLayout::kLegacy;
  return known;
}

absl::StatusOr<std::vector<KnownCheckpoint>> KindsOf(
    const ImportArguments& arguments) {
  std::vector<std::string> names = arguments.kinds;
  if (names.empty()) {
    for (const std::string& checkpoint : arguments.checkpoints) {
      names.push_back(std::filesystem::path(checkpoint).stem().string());
    }
  }
  if (names.size() != arguments.checkpoints.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--as needs one name a checkpoint (",
                     arguments.checkpoints.size(), "), has ", names.size()));
  }
  std::vector<KnownCheckpoint> kinds;
  for (const std::string& name : names) {
    if (absl::EndsWith(name, ".json")) {
      ASSIGN_OR_RETURN(KnownCheckpoint described, ReadDescribed(name));
      kinds.push_back(std::move(described));
      continue;
    }
    const KnownCheckpoint* const known = FindKnownCheckpoint(name);
    if (known == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("--as: no checkpoint called ", name,
                       " is known; cascade-model import --help lists them"));
    }
    kinds.push_back(*known);
  }
  return kinds;
}

// The names that were given, or ImageNet's.
absl::StatusOr<std::vector<std::string>> ClassNamesOf(
    const ImportArguments& arguments, const CascadeManifest& manifest) {
  if (!arguments.class_list.empty()) {
    return ReadClassNames(arguments.class_list);
  }
  if (!arguments.class_names.empty()) return arguments.class_names;
  for (const StageManifest& stage : manifest.stages) {
    const int classes = stage.spec.num_classes;
    if (classes == 0) continue;
    if (static_cast<size_t>(classes) == ImageNetClassNames().size()) {
      return ImageNetClassNames();
    }
    return absl::InvalidArgumentError(
        absl::StrCat(stage.spec.name, " has ", classes,
                     " classes: name them with --class_names or --class_list"));
  }
  return std::vector<std::string>();
}

absl::Status RunImport(const ImportArguments& arguments) {
  // All that WriteManifest() and ReadManifest() would refuse, before gigabytes
  // are read.
  if (arguments.name.empty()) {
    return absl::InvalidArgumentError("--name must not be empty");
  }
  ASSIGN_OR_RETURN(const std::vector<KnownCheckpoint> kinds,
                   KindsOf(arguments));
  CascadeManifest manifest;
  manifest.name = arguments.name;
  manifest.description = arguments.description;
  std::vector<std::string> names;
  for (const KnownCheckpoint& kind : kinds) {
    manifest.stages.push_back(kind.stage);
    names.push_back(kind.name);
  }
  ASSIGN_OR_RETURN(manifest.class_names, ClassNamesOf(arguments, manifest));
  RETURN_IF_ERROR(CheckManifest(manifest, absl::StrJoin(names, ",")));
  std::error_code error;
  std::filesystem::create_directories(arguments.out, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot create ", arguments.out, ": ", error.message()));
  }
  for (size_t i = 0; i < kinds.size(); ++i) {
    ASSIGN_OR_RETURN(manifest.stages[i], ImportStage(arguments.checkpoints[i],
                                                     kinds[i], arguments.out));
    const StageManifest& stage = manifest.stages[i];
    std::printf("%s: %lld parameters of %s, attention %s -> %s, %s\n",
                stage.spec.name.c_str(),
                static_cast<long long>(
                    CostOf(stage.network, stage.spec.resolution).parameters),
                stage.source->checkpoint.c_str(),
                stage.source->attention_layout.c_str(),
                stage.network.attention_order == AttentionOrder::kNew
                    ? "new"
                    : "legacy",
                stage.weights_file.c_str());
  }
  RETURN_IF_ERROR(WriteManifest(arguments.out, manifest));
  // What was written must be what can be read.
  return ReadManifest(arguments.out).status();
}

}  // namespace

void AddImportCommand(CLI::App& app) {
  auto arguments = std::make_shared<ImportArguments>();
  CLI::App* command = app.add_subcommand(
      "import",
      "Makes a package from published checkpoints: files of torch.save, which "
      "are read without running anything in them, or safetensors. Names and "
      "shapes must be the published ones.");
  command->footer(KnownText());
  command
      ->add_option("checkpoints", arguments->checkpoints,
                   "Checkpoints, from the base up")
      ->required()
      ->check(CLI::ExistingFile);
  command
      ->add_option("--as", arguments->kinds,
                   "What they are, separated by commas (default: the names of "
                   "the files)")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--out", arguments->out, "Folder of the package")
      ->required();
  command->add_option("--name", arguments->name, "Name of the cascade")
      ->required();
  command->add_option("--description", arguments->description,
                      "One sentence for those who list cascades");
  CLI::Option* const names =
      command
          ->add_option("--class_names", arguments->class_names,
                       "Names of the classes, separated by commas (default: "
                       "ImageNet's, where there are 1000)")
          ->delimiter(',')
          ->allow_extra_args(false);
  command
      ->add_option("--class_list", arguments->class_list,
                   "A file with the names of the classes, one a line")
      ->check(CLI::ExistingFile)
      ->excludes(names);
  command->callback([arguments] { ExitUnlessOk(RunImport(*arguments)); });
}

}  // namespace cascade
