#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/evaluation/cascade_sampler.h"
#include "models/evaluation/memorisation.h"
#include "models/evaluation/nearest_images.h"
#include "models/evaluation/same_classes.h"
#include "models/image_codec.h"
#include "models/tool/commands.h"
#include "models/tool/exit_status.h"
#include "models/tool/sampling_options.h"
#include "models/training/contact_sheet.h"
#include "models/training/image_folder.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Images drawn between two lines of progress.
constexpr int64_t kChunk = 64;
// Least width of an image on the sheet, pixels.
constexpr int kShownSize = 64;

struct NeighboursArguments {
  std::string package;
  std::string train;
  std::string test;
  std::string sheet;
  int64_t count = 0;
  int64_t shown = 60;
  int columns = 12;
  int size = 0;
  uint64_t seed = 2'000'000;
  bool json = false;
  SamplingOptions sampling;
};

absl::Status CheckClasses(const ImageSet& images, const std::string& folder,
                          const CascadeSpec& spec) {
  if (spec.class_names.empty()) return absl::OkStatus();
  return CheckSameClasses(spec.class_names, "the package", images.class_names,
                          folder);
}

// `count` images of the last stage, reduced to `size`, with the classes of
// `like` in turn.
absl::StatusOr<ImageSet> DrawLike(const ImageSet& like,
                                  const CascadeModel& model,
                                  const NeighboursArguments& arguments,
                                  int64_t count, int size) {
  ASSIGN_OR_RETURN(const std::vector<StageSampling> stages,
                   arguments.sampling.StagesOf(model.spec()));
  ASSIGN_OR_RETURN(
      const std::unique_ptr<CascadeSampler> sampler,
      CascadeSampler::Create(model, stages, arguments.sampling.device));
  ImageSet drawn;
  drawn.size = size;
  drawn.channels = like.channels;
  drawn.class_names = like.class_names;
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    std::vector<std::optional<int>> class_ids;
    for (int64_t i = begin; i < std::min(count, begin + kChunk); ++i) {
      const int label = like.labels[static_cast<size_t>(i % like.count())];
      drawn.labels.push_back(label);
      class_ids.push_back(model.spec().class_names.empty()
                              ? std::nullopt
                              : std::optional(label));
    }
    ASSIGN_OR_RETURN(
        const std::vector<SampledImage> images,
        sampler->Sample(arguments.seed + static_cast<uint64_t>(begin),
                        class_ids));
    for (const SampledImage& image : images) {
      ASSIGN_OR_RETURN(
          const HostImage reduced,
          ResizeImage(image.pixels.back(), size, ResizeRule::kStretch));
      drawn.pixels.insert(drawn.pixels.end(), reduced.pixels.begin(),
                          reduced.pixels.end());
    }
    std::fprintf(stderr, "%lld of %lld images\n",
                 static_cast<long long>(drawn.count()),
                 static_cast<long long>(count));
  }
  return drawn;
}

// Rows in pairs: samples, evenly over all, and below each its nearest training
// image.
absl::Status WriteSheet(const NeighboursArguments& arguments,
                        const ImageSet& samples, const ImageSet& train,
                        std::span<const NearestImage> nearest) {
  const int64_t shown = std::min(arguments.shown, samples.count());
  const int64_t columns = std::min<int64_t>(arguments.columns, shown);
  std::vector<HostImage> cells;
  for (int64_t row = 0; row < shown / columns; ++row) {
    for (const bool neighbour : {false, true}) {
      for (int64_t column = 0; column < columns; ++column) {
        const int64_t sample =
            (row * columns + column) * samples.count() / shown;
        cells.push_back(
            neighbour
                ? ImageAt(train, nearest[static_cast<size_t>(sample)].index)
                : ImageAt(samples, sample));
      }
    }
  }
  const HostImage sheet = MakeContactSheet(
      cells, static_cast<int>(columns), std::max(1, kShownSize / samples.size));
  ASSIGN_OR_RETURN(const std::vector<uint8_t> png, EncodePng(sheet, 9));
  const std::span<const std::byte> piece = std::as_bytes(std::span(png));
  return WriteFileAtomically(arguments.sheet, {&piece, 1});
}

absl::Status RunNeighbours(const NeighboursArguments& arguments) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CascadeModel> model,
                   arguments.sampling.Load(arguments.package));
  const StageSpec& top = model->spec().stages.back();
  if (arguments.size > top.resolution) {
    return absl::InvalidArgumentError(
        absl::StrCat("--size ", arguments.size, ": the package's images have ",
                     top.resolution));
  }
  const int size = arguments.size > 0 ? arguments.size : top.resolution;
  ASSIGN_OR_RETURN(const ImageSet train,
                   ReadImageFolder(arguments.train, size, top.channels));
  ASSIGN_OR_RETURN(const ImageSet test,
                   ReadImageFolder(arguments.test, size, top.channels));
  RETURN_IF_ERROR(CheckClasses(train, arguments.train, model->spec()));
  RETURN_IF_ERROR(CheckClasses(test, arguments.test, model->spec()));
  const int64_t count = arguments.count > 0 ? arguments.count : test.count();
  ASSIGN_OR_RETURN(const ImageSet samples,
                   DrawLike(test, *model, arguments, count, size));

  ASSIGN_OR_RETURN(const std::vector<NearestImage> nearest,
                   FindNearestImages(samples, train));
  ASSIGN_OR_RETURN(const std::vector<NearestImage> nearest_to_test,
                   FindNearestImages(test, train));
  ASSIGN_OR_RETURN(const Memorisation memorisation,
                   JudgeMemorisation(nearest, nearest_to_test));
  const Diversity diversity =
      CompareDiversity(SpreadOfClasses(samples), SpreadOfClasses(train));
  if (!arguments.sheet.empty()) {
    RETURN_IF_ERROR(WriteSheet(arguments, samples, train, nearest));
  }

  const nlohmann::ordered_json report = {
      {"size", size},
      {"samples", samples.count()},
      {"training_images", train.count()},
      {"held_out_images", test.count()},
      {"distance_to_training", memorisation.sample_median},
      {"distance_of_held_out", memorisation.held_out_median},
      {"nearer_than_half_of_held_out", memorisation.nearer_than_half},
      {"nearer_than_19_in_20_of_held_out", memorisation.nearer_than_nearly_all},
      {"classes_compared", diversity.classes},
      {"distance_within_class", diversity.samples},
      {"distance_within_class_of_training", diversity.training_images},
  };
  if (arguments.json) {
    std::printf("%s\n", report.dump(2).c_str());
    return absl::OkStatus();
  }
  for (const auto& [key, value] : report.items()) {
    std::printf("%-34s %s\n", key.c_str(), value.dump().c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddNeighboursCommand(CLI::App& app) {
  auto arguments = std::make_shared<NeighboursArguments>();
  CLI::App* command = app.add_subcommand(
      "neighbours",
      "Draws images and finds the nearest training image of each, per pixel: "
      "a sheet to look at, how much nearer they are than images that training "
      "never saw, and how different images of one class are.");
  command->add_option("package", arguments->package, "Folder of the package")
      ->required();
  command
      ->add_option("--train", arguments->train,
                   "Image folder that it was trained on")
      ->required();
  command
      ->add_option("--test", arguments->test,
                   "Image folder that it was not trained on; the samples have "
                   "its classes, in turn")
      ->required();
  command->add_option("--sheet", arguments->sheet,
                      "PNG to write: rows of samples, each above a row of "
                      "their nearest training images");
  command
      ->add_option("--count", arguments->count,
                   "How many images (default: as many as --test has)")
      ->check(CLI::Range(1, 1000000));
  command->add_option("--shown", arguments->shown, "Samples on the sheet")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command->add_option("--columns", arguments->columns, "Columns of the sheet")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command
      ->add_option("--size", arguments->size,
                   "Compare at this size (default: the last stage's): a small "
                   "one forgives a small shift")
      ->check(CLI::Range(1, 4096));
  command->add_option("--seed", arguments->seed, "Seed of the first image")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Print JSON");
  arguments->sampling.AddTo(*command);
  command->callback([arguments] { ExitUnlessOk(RunNeighbours(*arguments)); });
}

}  // namespace cascade
