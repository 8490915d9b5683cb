#include "models/tool/draw_options.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/evaluation/same_classes.h"
#include "models/tool/progress.h"
#include "models/training/image_folder.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

absl::StatusOr<size_t> StageNamed(const CascadeSpec& spec,
                                  const std::string& name) {
  if (name.empty()) return spec.stages.size() - 1;
  for (size_t i = 0; i < spec.stages.size(); ++i) {
    if (spec.stages[i].name == name) return i;
  }
  std::vector<std::string> names;
  for (const StageSpec& stage : spec.stages) names.push_back(stage.name);
  return absl::InvalidArgumentError(absl::StrCat(
      "--stage ", name, ": the cascade has ", absl::StrJoin(names, ", ")));
}

}  // namespace

void DrawOptions::AddTo(CLI::App& command) {
  command.add_option("--count", count, "How many images")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--seed", seed, "Seed of the first image")
      ->capture_default_str();
  command.add_option("--threads", threads, "Threads that sample and look")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command.add_option("--store", store,
                     "Folder that keeps the images of each stage exactly: a "
                     "run goes on from them, and others use them again");
  command.add_option("--real_inputs", real_inputs,
                     "Image folder whose images, made smaller, are the input "
                     "of the last stage that is run, in place of the stage "
                     "below");
  sampling.AddTo(command);
}

absl::StatusOr<std::unique_ptr<PackageDraw>> PackageDraw::Open(
    const std::string& package, const DrawOptions& options,
    const std::string& stage_name) {
  std::unique_ptr<PackageDraw> draw(new PackageDraw());
  ASSIGN_OR_RETURN(draw->model_, options.sampling.Load(package));
  ASSIGN_OR_RETURN(draw->manifest_, ReadManifest(package));
  ASSIGN_OR_RETURN(const size_t stage, StageNamed(draw->spec(), stage_name));
  SampleRequest& request = draw->request_;
  ASSIGN_OR_RETURN(request.sampling, options.sampling.StagesOf(draw->spec()));
  request.sampling.resize(stage + 1);
  request.count = options.count;
  request.first_seed = options.seed;
  request.threads = options.threads;
  request.device = options.sampling.device;
  request.reproducibility = options.sampling.reproducibility();
  request.precision = options.sampling.precision();
  request.manifest = &draw->manifest_;
  request.report = PrintProgress;
  if (!options.store.empty()) {
    request.store = &draw->store_.emplace(options.store);
  }
  if (!options.real_inputs.empty()) {
    RETURN_IF_ERROR(draw->UseRealInputs(options.real_inputs, options.seed));
  }
  return draw;
}

absl::Status PackageDraw::UseRealInputs(const std::string& folder,
                                        uint64_t seed) {
  const StageSpec& top = spec().stages[stage()];
  if (top.low_resolution == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--real_inputs: stage ", top.name, " is a base and takes no image"));
  }
  ASSIGN_OR_RETURN(const ImageSet images,
                   ReadImageFolder(folder, top.resolution, top.channels));
  if (!spec().class_names.empty()) {
    RETURN_IF_ERROR(CheckSameClasses(spec().class_names, "the package",
                                     images.class_names, folder));
  }
  ASSIGN_OR_RETURN(RealInputs inputs,
                   RealInputs::Create(images, top.low_resolution, seed));
  request_.real_inputs = &inputs_.emplace(std::move(inputs));
  request_.first_stage = stage();
  return absl::OkStatus();
}

}  // namespace cascade
