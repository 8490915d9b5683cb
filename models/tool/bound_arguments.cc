#include "models/tool/bound_arguments.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "absl/strings/str_cat.h"
#include "models/evaluation/bound_report.h"
#include "models/evaluation/cascade_bound.h"
#include "models/evaluation/image_digest.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

using Json = nlohmann::ordered_json;

// Images between two lines of progress and two states.
constexpr int64_t kImagesAtOnce = 8;

BoundKind KindOf(const std::string& name) {
  if (name == "non_truncated") return BoundKind::kNonTruncated;
  if (name == "stages") return BoundKind::kStages;
  return BoundKind::kTruncated;
}

absl::StatusOr<BoundOptions> OptionsOf(const BoundArguments& arguments,
                                       const BoundRun& run, size_t stages) {
  BoundOptions options;
  options.kind = KindOf(arguments.kind);
  options.timesteps_per_image = arguments.timesteps_per_image;
  options.seed = run.seed;
  options.threads = run.threads;
  options.device = run.device;
  options.augmentation_levels = run.augmentation;
  if (run.augmentation.size() == 1) {
    options.augmentation_levels.assign(stages, run.augmentation[0]);
  } else if (!run.augmentation.empty() && run.augmentation.size() != stages) {
    return absl::InvalidArgumentError(
        absl::StrCat("--augmentation takes one value or one for each of the ",
                     stages, " stages, has ", run.augmentation.size()));
  }
  return options;
}

// All that a state depends on.
Json SettingsOf(const BoundArguments& arguments, const BoundRun& run,
                const CascadeManifest& manifest, const ImageSet& images) {
  return {{"package", manifest.digest},
          {"bound", arguments.kind},
          {"augmentation", run.augmentation},
          {"timesteps_per_image", arguments.timesteps_per_image},
          {"seed", run.seed},
          {"images", ImageDigest(images)},
          {"class_names", images.class_names}};
}

void ReportProgress(const BoundReport& report, int64_t count, double seconds,
                    int64_t done_here) {
  const int64_t left = count - report.images;
  std::string bits;
  if (report.total.count > 0) {
    const int64_t values = report.stages.back().values;
    char text[64];
    std::snprintf(text, sizeof text, ", %.4f +- %.4f bits per dimension",
                  BitsPerDimension(report.total.mean, values),
                  BitsPerDimension(report.total.StandardError(), values));
    bits = text;
  }
  std::fprintf(
      stderr, "%lld of %lld images%s, %.0f s left\n",
      static_cast<long long>(report.images), static_cast<long long>(count),
      bits.c_str(),
      seconds / static_cast<double>(done_here) * static_cast<double>(left));
}

std::string Cell(const Json& bits) {
  char text[40];
  std::snprintf(text, sizeof text, "%9.5f +- %7.5f",
                bits["bits_per_dimension"].get<double>(),
                bits["standard_error"].get<double>());
  return text;
}

void Print(const Json& summary, const BoundReport& report, BoundKind kind) {
  const StageBoundReport& last = report.stages.back();
  const std::string dimension =
      kind == BoundKind::kStages
          ? "its own dimensions"
          : absl::StrCat("dimensions of ", last.resolution, "x",
                         last.resolution, ", ", last.values, " values");
  std::printf("%lld images, bits per dimension (%s)\n\n",
              static_cast<long long>(report.images), dimension.c_str());
  std::printf("  %-10s %6s %6s  %20s %20s %20s %20s\n", "stage", "level",
              "from t", "prior", "steps", "decoder", "total");
  for (const Json& stage : summary["stages"]) {
    std::printf(
        "  %-10s %6.3f %6d  %20s %20s %20s %20s\n",
        stage["name"].get<std::string>().c_str(),
        stage["augmentation_level"].get<double>(),
        stage["first_timestep"].get<int>(), Cell(stage["prior"]).c_str(),
        Cell(stage["steps"]).c_str(),
        stage["first_timestep"] == 0 ? Cell(stage["decoder"]).c_str() : "-",
        Cell(stage["total"]).c_str());
  }
  if (summary.contains("total")) {
    std::printf("\n  -log p <= %s bits per dimension\n",
                Cell(summary["total"]).c_str());
  }
}

absl::Status WriteText(const std::string& path, const std::string& text) {
  const std::span<const std::byte> piece = std::as_bytes(std::span(text));
  return WriteFileAtomically(path, {&piece, 1});
}

}  // namespace

void BoundArguments::AddTo(CLI::App& command) {
  command
      .add_option("--bound", kind,
                  "The variational bound on the images of --test: "
                  "`truncated` (the default) of the cascade whose stages stop "
                  "at the level that the next one is told, `non_truncated` of "
                  "the one that adds the noise afterwards, `stages` of each "
                  "stage by itself")
      ->expected(0, 1)
      ->default_str("truncated")
      ->check(CLI::IsMember({"truncated", "non_truncated", "stages"}));
  command
      .add_option("--timesteps_per_image", timesteps_per_image,
                  "With --bound: terms that are drawn for an image and a "
                  "stage, weighted so that their sum is right on average; 0: "
                  "all of them")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--state", state,
                     "With --bound: a file from which it goes on, and that it "
                     "keeps up to date");
  command.add_option("--terms", terms,
                     "With --bound: write each timestep's term to this CSV "
                     "file");
}

absl::Status CheckBoundOptions(const CLI::App& command, bool wanted) {
  static constexpr std::array kOfBound = {"--bound", "--timesteps_per_image",
                                          "--state", "--terms"};
  static constexpr std::array kOfBoth = {
      "--help",    "package",  "--test",         "--count", "--seed",
      "--threads", "--device", "--augmentation", "--json",  "--out"};
  const auto is_in = [](const auto& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 || is_in(kOfBoth, name)) continue;
    const bool of_bound = is_in(kOfBound, name);
    if (wanted && !of_bound) {
      return absl::InvalidArgumentError(
          absl::StrCat("--bound draws no images and takes no ", name));
    }
    if (!wanted && of_bound) {
      return absl::InvalidArgumentError(absl::StrCat(name, " needs --bound"));
    }
  }
  return absl::OkStatus();
}

absl::Status RunBound(const BoundArguments& arguments, const BoundRun& run) {
  if (run.package.empty()) {
    return absl::InvalidArgumentError("--bound needs a package");
  }
  if (run.images.empty()) {
    return absl::InvalidArgumentError("--bound needs --test");
  }
  ASSIGN_OR_RETURN(const CascadeManifest manifest, ReadManifest(run.package));
  ASSIGN_OR_RETURN(const BoundOptions options,
                   OptionsOf(arguments, run, manifest.stages.size()));
  ASSIGN_OR_RETURN(const std::unique_ptr<CascadeBound> bound,
                   CascadeBound::Create(run.package, options));
  const StageSpec& last = manifest.stages.back().spec;
  ASSIGN_OR_RETURN(const ImageSet images,
                   ReadImageFolder(run.images, last.resolution, last.channels));
  const Json settings = SettingsOf(arguments, run, manifest, images);
  if (!arguments.state.empty()) {
    ASSIGN_OR_RETURN(const std::optional<BoundReport> earlier,
                     LoadBoundState(arguments.state, settings));
    if (earlier) RETURN_IF_ERROR(bound->Restore(*earlier));
  }
  const std::vector<int64_t> order = BoundOrder(images.count(), run.seed);
  const int64_t count = std::min(run.count, images.count());
  const int64_t before = bound->report().images;
  const auto start = std::chrono::steady_clock::now();
  for (int64_t done = before; done < count; done = bound->report().images) {
    const int64_t now = std::min(kImagesAtOnce, count - done);
    RETURN_IF_ERROR(
        bound->Add(images, std::span(order).subspan(static_cast<size_t>(done),
                                                    static_cast<size_t>(now))));
    if (!arguments.state.empty()) {
      RETURN_IF_ERROR(
          SaveBoundState(arguments.state, settings, bound->report()));
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    ReportProgress(bound->report(), count, seconds,
                   bound->report().images - before);
  }
  const BoundReport& report = bound->report();
  if (!arguments.terms.empty()) {
    RETURN_IF_ERROR(
        WriteText(arguments.terms, BoundTerms(report, options.kind)));
  }
  const Json summary = BoundSummary(report, options.kind);
  if (!run.out.empty()) {
    RETURN_IF_ERROR(WriteText(run.out, summary.dump(2) + "\n"));
  }
  if (run.json) {
    std::printf("%s\n", summary.dump(2).c_str());
  } else {
    Print(summary, report, options.kind);
  }
  return absl::OkStatus();
}

}  // namespace cascade
