#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "models/cascade_model.h"
#include "models/nn/unet_cost.h"
#include "models/tool/commands.h"
#include "models/tool/exit_status.h"
#include "models/weights/cascade_manifest.h"
#include "models/weights/spec_json.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

struct InspectArguments {
  std::string package;
  bool json = false;
};

using Json = nlohmann::ordered_json;

absl::StatusOr<Json> Describe(const std::string& package) {
  // Only loading compares the weights with the network.
  RETURN_IF_ERROR(LoadCascade(package, {}).status());
  ASSIGN_OR_RETURN(const CascadeManifest manifest, ReadManifest(package));
  Json stages = Json::array();
  int64_t parameters = 0;
  uint64_t bytes = 0;
  for (const StageManifest& stage : manifest.stages) {
    ASSIGN_OR_RETURN(const SafetensorsFile weights,
                     ReadStageWeights(package, stage));
    const UNetCost cost = CostOf(stage.network, stage.spec.resolution);
    parameters += cost.parameters;
    bytes += weights.contents().size();
    stages.push_back({{"name", stage.spec.name},
                      {"resolution", stage.spec.resolution},
                      {"channels", stage.spec.channels},
                      {"parameters", cost.parameters},
                      {"tensors", weights.tensors().size()},
                      {"bytes", weights.contents().size()},
                      {"flops_per_step", 2 * cost.macs},
                      {"sampler", WriteSampler(stage.spec.default_sampler)},
                      {"file", stage.weights_file},
                      {"sha256", stage.spec.weights_sha256}});
  }
  return Json{{"name", manifest.name},
              {"description", manifest.description},
              {"class_names", manifest.class_names},
              {"digest", manifest.digest},
              {"parameters", parameters},
              {"bytes", bytes},
              {"stages", stages}};
}

void Print(const Json& cascade) {
  std::printf("%s  %s\n", cascade["name"].get<std::string>().c_str(),
              cascade["description"].get<std::string>().c_str());
  std::printf("  %zu classes, %.3f M parameters, %.2f MB, manifest %.16s\n\n",
              cascade["class_names"].size(),
              cascade["parameters"].get<double>() / 1e6,
              cascade["bytes"].get<double>() / 1e6,
              cascade["digest"].get<std::string>().c_str());
  std::printf("  %-8s %10s %8s %9s %13s  %-22s %s\n", "stage", "parameters",
              "tensors", "MB", "MFLOPs/step", "sampler", "sha256");
  for (const Json& stage : cascade["stages"]) {
    const Json& sampler = stage["sampler"];
    const std::string sampling = sampler["kind"].get<std::string>() + ", " +
                                 std::to_string(sampler["steps"].get<int>()) +
                                 " steps";
    std::printf("  %-8s %10lld %8zu %9.2f %13.1f  %-22s %.16s\n",
                stage["name"].get<std::string>().c_str(),
                stage["parameters"].get<long long>(),
                stage["tensors"].get<size_t>(),
                stage["bytes"].get<double>() / 1e6,
                stage["flops_per_step"].get<double>() / 1e6, sampling.c_str(),
                stage["sha256"].get<std::string>().c_str());
  }
}

absl::Status RunInspect(const InspectArguments& arguments) {
  ASSIGN_OR_RETURN(const Json cascade, Describe(arguments.package));
  if (arguments.json) {
    std::printf("%s\n", cascade.dump(2).c_str());
  } else {
    Print(cascade);
  }
  return absl::OkStatus();
}

}  // namespace

void AddInspectCommand(CLI::App& app) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App* command = app.add_subcommand(
      "inspect",
      "Checks a package and shows its stages: parameters, bytes, FLOPs of one "
      "network evaluation of one image, digests.");
  command->add_option("package", arguments->package, "Folder of the package")
      ->required();
  command->add_flag("--json", arguments->json, "Print JSON");
  command->callback([arguments] { ExitUnlessOk(RunInspect(*arguments)); });
}

}  // namespace cascade
