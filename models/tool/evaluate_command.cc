#include <cstdint>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/evaluation/classification_score.h"
#include "models/tool/bound_arguments.h"
#include "models/tool/commands.h"
#include "models/tool/draw_options.h"
#include "models/tool/exit_status.h"
#include "models/tool/judge_options.h"
#include "models/tool/progress.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

struct EvaluateArguments {
  std::string package;
  std::string samples;  // An image folder instead of a package.
  int size = 0;
  int channels = 3;
  std::string stage;
  int cas_epochs = 12;
  bool json = false;
  std::string out;
  DrawOptions draw;
  JudgeOptions judge;
  BoundArguments bound;
};

// The images that are judged, and what is told of how they came about.
struct Judged {
  ImageSet images;
  nlohmann::ordered_json report = nlohmann::ordered_json::object();
};

absl::StatusOr<Judged> DrawFromPackage(const EvaluateArguments& arguments) {
  ASSIGN_OR_RETURN(
      const std::unique_ptr<PackageDraw> draw,
      PackageDraw::Open(arguments.package, arguments.draw, arguments.stage));
  ASSIGN_OR_RETURN(SampleSet samples, draw->Draw());
  Judged judged;
  judged.report["stage"] = draw->spec().stages[draw->stage()].name;
  judged.report["seed"] = arguments.draw.seed;
  judged.report["rms_difference_from_lower_stage"] =
      DifferenceFromLowerStage(samples);
  judged.images = std::move(samples.stages.back());
  return judged;
}

// `network` may be null.
absl::StatusOr<Judged> ReadSamples(const EvaluateArguments& arguments,
                                   const FeatureNetwork* network) {
  const int of_network = network == nullptr ? 0 : network->size();
  const int size = arguments.size > 0 ? arguments.size : of_network;
  if (size == 0) {
    return absl::InvalidArgumentError(
        "--samples needs --size: there is no feature network of one size");
  }
  const bool grey = network != nullptr && network->channels() == 1;
  Judged judged;
  ASSIGN_OR_RETURN(
      judged.images,
      ReadImageFolder(arguments.samples, size, grey ? 1 : arguments.channels));
  return judged;
}

// null where there is no image to tell of.
nlohmann::ordered_json PerClass(
    const std::vector<std::string>& names,
    const std::vector<std::optional<double>>& shares) {
  nlohmann::ordered_json classes = nlohmann::ordered_json::object();
  for (size_t i = 0; i < shares.size(); ++i) {
    classes[names[i]] =
        shares[i] ? nlohmann::ordered_json(*shares[i]) : nullptr;
  }
  return classes;
}

// Measures what the features say, and adds it.
absl::Status AddFigures(const EvaluateArguments& arguments,
                        const NetworkOptions::Loaded& loaded,
                        const ImageSet& images,
                        nlohmann::ordered_json* report) {
  ASSIGN_OR_RETURN(
      ImageJudge judge,
      arguments.judge.MakeJudge(loaded, images.class_names, images.size,
                                images.channels, arguments.draw.threads));
  ASSIGN_OR_RETURN(const ImageJudge::Verdict verdict, judge.Judge(images));
  for (const Figure& figure : verdict.figures) {
    (*report)[figure.name] = figure.value;
  }
  if (!verdict.class_found.empty()) {
    (*report)["class_found_per_class"] =
        PerClass(images.class_names, verdict.class_found);
  }
  return absl::OkStatus();
}

absl::Status AddAccuracyScore(const EvaluateArguments& arguments,
                              const ImageSet& samples,
                              nlohmann::ordered_json* report) {
  ASSIGN_OR_RETURN(
      const ImageSet real,
      ReadImageFolder(arguments.judge.test, samples.size, samples.channels));
  Classifier::Options options;
  options.epochs = arguments.cas_epochs;
  options.threads = arguments.draw.threads;
  options.report = PrintProgress;
  ASSIGN_OR_RETURN(const ClassAccuracy accuracy,
                   ClassificationAccuracyScore(samples, real, options));
  (*report)["cas_top1"] = accuracy.top1;
  (*report)["cas_top5"] = accuracy.top5;
  (*report)["cas_per_class"] = PerClass(real.class_names, accuracy.per_class);
  return absl::OkStatus();
}

absl::Status Print(const EvaluateArguments& arguments,
                   const nlohmann::ordered_json& report) {
  const std::string text = report.dump(2) + "\n";
  if (!arguments.out.empty()) {
    const std::span<const std::byte> piece = std::as_bytes(std::span(text));
    RETURN_IF_ERROR(WriteFileAtomically(arguments.out, {&piece, 1}));
  }
  if (arguments.json) {
    std::fputs(text.c_str(), stdout);
    return absl::OkStatus();
  }
  for (const auto& [key, value] : report.items()) {
    nlohmann::ordered_json told = value;
    if (value.is_object()) {
      told = nlohmann::ordered_json::object();
      for (const auto& [name, share] : value.items()) {
        if (!share.is_null()) told[name] = share;
      }
    }
    std::printf("%-32s %s\n", key.c_str(), told.dump().c_str());
  }
  return absl::OkStatus();
}

absl::Status RunEvaluate(const EvaluateArguments& arguments) {
  if (arguments.bound.wanted()) {
    return RunBound(arguments.bound,
                    {.package = arguments.package,
                     .images = arguments.judge.test,
                     .count = arguments.draw.count,
                     .seed = arguments.draw.seed,
                     .threads = arguments.draw.threads,
                     .device = arguments.draw.sampling.device,
                     .augmentation = arguments.draw.sampling.augmentation,
                     .json = arguments.json,
                     .out = arguments.out});
  }
  if (arguments.package.empty() == arguments.samples.empty()) {
    return absl::InvalidArgumentError(
        "either a package or --samples must be given");
  }
  const JudgeOptions& judging = arguments.judge;
  if (judging.Names("cas") && judging.test.empty()) {
    return absl::InvalidArgumentError("--metrics cas needs --test");
  }
  RETURN_IF_ERROR(judging.CheckReferences());
  // The classifier of cas is its own.
  const bool looks = judging.metrics != std::vector<std::string>{"cas"};
  NetworkOptions::Loaded loaded;
  if (looks) {
    ASSIGN_OR_RETURN(loaded, judging.network.Load());
  }
  ASSIGN_OR_RETURN(Judged judged,
                   arguments.package.empty()
                       ? ReadSamples(arguments, loaded.network.get())
                       : DrawFromPackage(arguments));
  const ImageSet& images = judged.images;
  nlohmann::ordered_json report = nlohmann::ordered_json::object();
  report["count"] = images.count();
  report["resolution"] = images.size;
  if (looks) report["features"] = loaded.network->id();
  report.update(judged.report);
  if (looks) RETURN_IF_ERROR(AddFigures(arguments, loaded, images, &report));
  if (judging.Names("cas")) {
    RETURN_IF_ERROR(AddAccuracyScore(arguments, images, &report));
  }
  return Print(arguments, report);
}

}  // namespace

void AddEvaluateCommand(CLI::App& app) {
  auto arguments = std::make_shared<EvaluateArguments>();
  CLI::App* command = app.add_subcommand(
      "evaluate",
      "Measures generated images, drawn from a package or read from a folder: "
      "distances to real images (fid, kid), precision and recall (pr), the "
      "inception score (is), how often the class is found that was asked for "
      "(class), and what a classifier that is trained on them alone knows of "
      "the real images of --test (cas). The features are a classifier's or "
      "those of a TorchScript file. Images are compared at the size they are "
      "made in, and brought to the network's size for it. With --bound, "
      "estimates the package's variational bound on real images instead.");
  command->add_option("package", arguments->package, "Folder of the package");
  command->add_option("--samples", arguments->samples,
                      "Judge the images of this folder instead: FOLDER/CLASS/"
                      "*.png, or FOLDER/*.png without classes");
  command
      ->add_option("--size", arguments->size,
                   "Height and width to read --samples in (default: the "
                   "feature network's)")
      ->check(CLI::Range(4, 4096));
  command->add_option("--channels", arguments->channels, "Of --samples, 1 or 3")
      ->check(CLI::IsMember({1, 3}))
      ->capture_default_str();
  command->add_option("--stage", arguments->stage,
                      "Judge the images of this stage (default: the last)");
  command
      ->add_option("--cas_epochs", arguments->cas_epochs,
                   "Epochs of the classifier of cas")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Print JSON");
  command->add_option("--out", arguments->out, "Write the JSON to this file");
  arguments->judge.AddTo(*command, {"fid", "kid", "pr", "is", "class", "cas"});
  arguments->draw.AddTo(*command);
  arguments->bound.AddTo(*command);
  command->callback([arguments, command] {
    ExitUnlessOk(CheckBoundOptions(*command, arguments->bound.wanted()));
    ExitUnlessOk(RunEvaluate(*arguments));
  });
}

}  // namespace cascade
