#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/evaluation/cascade_sampler.h"
#include "models/image_codec.h"
#include "models/tool/commands.h"
#include "models/tool/exit_status.h"
#include "models/tool/sampling_options.h"
#include "models/training/contact_sheet.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

struct SampleArguments {
  std::string package;
  std::string out;
  std::vector<int> class_ids;
  uint64_t seed = 0;
  int count = 1;
  int columns = 10;
  bool grid = false;
  SamplingOptions sampling;
};

absl::Status WritePng(const std::filesystem::path& path,
                      const HostImage& image) {
  ASSIGN_OR_RETURN(const std::vector<uint8_t> png, EncodePng(image));
  const std::span<const std::byte> piece = std::as_bytes(std::span(png));
  RETURN_IF_ERROR(WriteFileAtomically(path.string(), {&piece, 1}));
  std::printf("%s\n", path.string().c_str());
  return absl::OkStatus();
}

// Image i of the run has the i-th of the classes asked for, round and round; of
// all classes, if none was.
absl::StatusOr<std::vector<std::optional<int>>> ClassesOf(
    const SampleArguments& arguments, const CascadeSpec& spec) {
  const auto classes = static_cast<int>(spec.class_names.size());
  std::vector<int> wanted = arguments.class_ids;
  for (int class_id : wanted) {
    if (class_id < 0 || class_id >= classes) {
      return absl::InvalidArgumentError(
          absl::StrCat("--class ", class_id, ": the cascade has ", classes,
                       " classes, from 0 on"));
    }
  }
  if (wanted.empty()) {
    wanted.resize(static_cast<size_t>(classes));
    std::iota(wanted.begin(), wanted.end(), 0);
  }
  std::vector<std::optional<int>> class_ids(
      static_cast<size_t>(arguments.count));
  for (size_t i = 0; !wanted.empty() && i < class_ids.size(); ++i) {
    class_ids[i] = wanted[i % wanted.size()];
  }
  return class_ids;
}

absl::Status RunSample(const SampleArguments& arguments) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CascadeModel> model,
                   arguments.sampling.Load(arguments.package));
  ASSIGN_OR_RETURN(const std::vector<StageSampling> stages,
                   arguments.sampling.StagesOf(model->spec()));
  ASSIGN_OR_RETURN(const std::vector<std::optional<int>> class_ids,
                   ClassesOf(arguments, model->spec()));
  ASSIGN_OR_RETURN(
      const std::unique_ptr<CascadeSampler> sampler,
      CascadeSampler::Create(*model, stages, arguments.sampling.device));
  ASSIGN_OR_RETURN(const std::vector<SampledImage> images,
                   sampler->Sample(arguments.seed, class_ids));

  std::error_code error;
  std::filesystem::create_directories(arguments.out, error);
  const std::filesystem::path out(arguments.out);
  for (size_t stage = 0; stage < stages.size(); ++stage) {
    const std::string& name = model->spec().stages[stage].name;
    std::vector<HostImage> pixels;
    for (const SampledImage& image : images) {
      pixels.push_back(image.pixels[stage]);
    }
    if (arguments.grid) {
      const int zoom = std::max(1, 64 / pixels.front().height);
      RETURN_IF_ERROR(
          WritePng(out / absl::StrCat("grid-", name, ".png"),
                   MakeContactSheet(pixels, arguments.columns, zoom)));
      continue;
    }
    for (size_t i = 0; i < images.size(); ++i) {
      RETURN_IF_ERROR(
          WritePng(out / absl::StrCat(images[i].image_seed, "-", name, ".png"),
                   pixels[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace

void AddSampleCommand(CLI::App& app) {
  auto arguments = std::make_shared<SampleArguments>();
  CLI::App* command = app.add_subcommand(
      "sample",
      "Draws images from a package without a server, the same ones that the "
      "server would: files SEED-STAGE.png, or one grid a stage.");
  command->add_option("package", arguments->package, "Folder of the package")
      ->required();
  command->add_option("--out", arguments->out, "Folder for the images")
      ->required();
  command
      ->add_option("--class", arguments->class_ids,
                   "Classes by number, separated by commas; all in turn if "
                   "there are none")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--seed", arguments->seed, "Seed of the first image")
      ->capture_default_str();
  command->add_option("--count", arguments->count, "How many images")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_flag("--grid", arguments->grid, "One picture a stage");
  command->add_option("--columns", arguments->columns, "Columns of the grid")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  arguments->sampling.AddTo(*command);
  command->callback([arguments] { ExitUnlessOk(RunSample(*arguments)); });
}

}  // namespace cascade
