#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/tool/commands.h"
#include "models/tool/draw_options.h"
#include "models/tool/exit_status.h"
#include "models/tool/judge_options.h"
#include "models/tool/progress.h"
#include "models/tool/search_table.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

struct SearchArguments {
  std::string package;
  std::string out;
  std::vector<std::string> stages;
  std::vector<double> levels;
  std::vector<int> steps;
  std::string by;
  DrawOptions draw;
  JudgeOptions judge;
};

absl::Status WriteText(const std::string& path, const std::string& text) {
  const std::span<const std::byte> piece = std::as_bytes(std::span(text));
  return WriteFileAtomically(path, {&piece, 1});
}

// A search over the stages from low to high, each above the best settings of
// those below.
class Search {
 public:
  explicit Search(const SearchArguments& arguments) : arguments_(arguments) {}

  absl::Status Run() {
    ASSIGN_OR_RETURN(const CascadeManifest manifest,
                     ReadManifest(arguments_.package));
    ASSIGN_OR_RETURN(const std::vector<std::string> stages, Stages(manifest));
    RETURN_IF_ERROR(CheckFigures(!manifest.class_names.empty()));
    RETURN_IF_ERROR(MakeFolder());
    ASSIGN_OR_RETURN(loaded_, arguments_.judge.network.Load());
    std::vector<std::pair<size_t, StageSampling>> best;
    for (const std::string& stage : stages) {
      ASSIGN_OR_RETURN(const std::unique_ptr<PackageDraw> draw,
                       PackageDraw::Open(arguments_.package, Drawing(), stage));
      SampleRequest& request = draw->request();
      for (const auto& [index, sampling] : best) {
        request.sampling[index] = sampling;
      }
      ASSIGN_OR_RETURN(const StageSampling found, SearchStage(*draw));
      best.emplace_back(draw->stage(), found);
    }
    return absl::OkStatus();
  }

 private:
  // Without a store of its own choice the images are kept beside the table.
  DrawOptions Drawing() const {
    DrawOptions draw = arguments_.draw;
    if (draw.store.empty()) draw.store = arguments_.out + "/samples";
    return draw;
  }

  absl::Status CheckLevels(const StageSpec& spec) const {
    if (!spec.augmentation.enabled) return absl::OkStatus();
    for (double level : arguments_.levels) {
      if (level > spec.augmentation.max_level) {
        return absl::InvalidArgumentError(absl::StrCat(
            "--levels ", level, ": stage ", spec.name,
            " was trained from 0 to ", spec.augmentation.max_level));
      }
    }
    return absl::OkStatus();
  }

  // That something is measured, and what decides is of it. Sets `by_`.
  absl::Status CheckFigures(bool images_have_classes) {
    RETURN_IF_ERROR(arguments_.judge.CheckReferences());
    const std::vector<std::string> figures =
        arguments_.judge.FigureNames(images_have_classes);
    if (figures.empty()) {
      return absl::InvalidArgumentError(
          "nothing is measured: name --metrics, --train or --test");
    }
    by_ = arguments_.by.empty() ? figures.front() : arguments_.by;
    if (std::find(figures.begin(), figures.end(), by_) == figures.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--by ", by_, ": no such figure is measured, only ",
                       absl::StrJoin(figures, ", ")));
    }
    return absl::OkStatus();
  }

  absl::Status MakeFolder() const {
    std::error_code error;
    std::filesystem::create_directories(arguments_.out, error);
    if (error) {
      return absl::InvalidArgumentError(
          absl::StrCat("--out ", arguments_.out,
                       ": cannot make the folder: ", error.message()));
    }
    if (access(arguments_.out.c_str(), W_OK | X_OK) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--out ", arguments_.out, " cannot be written to"));
    }
    return absl::OkStatus();
  }

  // Those that were named, or all above the base, from low to high.
  absl::StatusOr<std::vector<std::string>> Stages(
      const CascadeManifest& manifest) const {
    std::vector<std::string> unknown = arguments_.stages;
    std::vector<std::string> stages;
    for (const StageManifest& stage : manifest.stages) {
      const auto named =
          std::find(unknown.begin(), unknown.end(), stage.spec.name);
      const bool wanted = arguments_.stages.empty()
                              ? stage.spec.low_resolution > 0
                              : named != unknown.end();
      if (wanted) {
        RETURN_IF_ERROR(CheckLevels(stage.spec));
        stages.push_back(stage.spec.name);
      }
      if (named != unknown.end()) unknown.erase(named);
    }
    if (!unknown.empty() || stages.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--stages: the package has no ",
          unknown.empty() ? "super-resolution stage"
                          : absl::StrCat("stage ", unknown.front())));
    }
    return stages;
  }

  // The levels to try in a stage: its own, where it was trained without
  // augmentation and can take no other.
  std::vector<double> LevelsOf(const StageSpec& spec,
                               const StageSampling& sampling) const {
    if (arguments_.levels.empty() || !spec.augmentation.enabled) {
      return {sampling.augmentation_level};
    }
    return arguments_.levels;
  }

  absl::StatusOr<StageSampling> SearchStage(PackageDraw& draw) {
    const StageSpec& spec = draw.spec().stages[draw.stage()];
    ASSIGN_OR_RETURN(ImageJudge judge,
                     arguments_.judge.MakeJudge(
                         loaded_, draw.spec().class_names, spec.resolution,
                         spec.channels, arguments_.draw.threads));
    StageSampling& sampling = draw.request().sampling.back();
    const std::vector<int> steps = arguments_.steps.empty()
                                       ? std::vector{sampling.sampler.num_steps}
                                       : arguments_.steps;
    for (int count : steps) {
      for (double level : LevelsOf(spec, sampling)) {
        sampling.sampler.num_steps = count;
        sampling.augmentation_level = level;
        PrintProgress(absl::StrCat("stage ", spec.name, ", level ", level, ", ",
                                   count, " steps"));
        ASSIGN_OR_RETURN(const SampleSet samples, draw.Draw());
        ASSIGN_OR_RETURN(ImageJudge::Verdict verdict,
                         judge.Judge(samples.stages.back()));
        rows_.push_back({.stage = spec.name,
                         .level = level,
                         .steps = count,
                         .figures = std::move(verdict.figures)});
        RETURN_IF_ERROR(WriteTables());
      }
    }
    const SearchRow* best = BestRow(rows_, spec.name, by_);
    sampling.sampler.num_steps = best->steps;
    sampling.augmentation_level = best->level;
    std::printf("stage %s: level %g, %d steps (best %s)\n", spec.name.c_str(),
                best->level, best->steps, by_.c_str());
    return sampling;
  }

  // After each row, so that a search can be watched.
  absl::Status WriteTables() const {
    const std::string& out = arguments_.out;
    RETURN_IF_ERROR(WriteText(out + "/search.csv", SearchCsv(rows_)));
    RETURN_IF_ERROR(WriteText(out + "/search.md", SearchMarkdown(rows_, by_)));
    return WriteText(out + "/search.svg", PlotSvg(SearchCharts(rows_, by_)));
  }

  const SearchArguments& arguments_;
  std::string by_;  // The figure that decides.
  NetworkOptions::Loaded loaded_;
  std::vector<SearchRow> rows_;
};

absl::Status RunSearch(const SearchArguments& arguments) {
  return Search(arguments).Run();
}

}  // namespace

void AddSearchCommand(CLI::App& app) {
  auto arguments = std::make_shared<SearchArguments>();
  CLI::App* command = app.add_subcommand(
      "search",
      "Tries conditioning augmentation levels and numbers of steps of a "
      "trained package, stage by stage from low to high, each above the best "
      "settings of those below, and writes search.csv, search.md and "
      "search.svg. Images are kept, so that a stage's are drawn once for all "
      "that is tried above it, and a search that was stopped goes on.");
  command->add_option("package", arguments->package, "Folder of the package")
      ->required();
  command->add_option("--out", arguments->out, "Folder for the results")
      ->required();
  command
      ->add_option("--stages", arguments->stages,
                   "Stages to search, separated by commas (default: all above "
                   "the base)")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      ->add_option("--levels", arguments->levels,
                   "Augmentation levels to try, separated by commas (default: "
                   "the stage's)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option("--steps", arguments->steps,
                   "Numbers of steps to try, separated by commas (default: the "
                   "stage's)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::PositiveNumber);
  command->add_option("--by", arguments->by,
                      "The figure that decides, such as fid_train (default: "
                      "the first that is measured)");
  arguments->judge.AddTo(*command, {"fid", "kid", "pr", "is", "class"});
  arguments->draw.AddTo(*command);
  command->callback([arguments] { ExitUnlessOk(RunSearch(*arguments)); });
}

}  // namespace cascade
