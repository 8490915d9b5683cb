#include <cstdint>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/evaluation/classifier.h"
#include "models/evaluation/sample_set.h"
#include "models/tool/bound_arguments.h"
#include "models/tool/commands.h"
#include "models/tool/exit_status.h"
#include "models/tool/sampling_options.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

struct ClassifierArguments {
  std::string train;
  std::string test;
  std::string out;
  int size = 32;
  int channels = 1;
  Classifier::Options options;
};

void PrintLine(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
}

absl::Status RunTrainClassifier(const ClassifierArguments& arguments) {
  ASSIGN_OR_RETURN(
      const ImageSet train,
      ReadImageFolder(arguments.train, arguments.size, arguments.channels));
  Classifier::Options options = arguments.options;
  options.report = PrintLine;
  ASSIGN_OR_RETURN(const std::unique_ptr<Classifier> classifier,
                   Classifier::Train(train, options));
  RETURN_IF_ERROR(classifier->Save(arguments.out));
  if (!arguments.test.empty()) {
    ASSIGN_OR_RETURN(
        const ImageSet test,
        ReadImageFolder(arguments.test, arguments.size, arguments.channels));
    ASSIGN_OR_RETURN(const double accuracy, classifier->Accuracy(test));
    std::printf("test accuracy %.4f of %lld images\n", accuracy,
                static_cast<long long>(test.count()));
  }
  return absl::OkStatus();
}

struct EvaluateArguments {
  std::string package;
  std::string classifier;
  std::string test;
  int64_t count = 2000;
  int64_t train_on_samples = 0;
  uint64_t seed = 1'000'000;
  int threads = 1;
  bool json = false;
  SamplingOptions sampling;
  BoundArguments bound;
};

// The share of each asked-for class that the classifier finds.
absl::StatusOr<std::vector<double>> AccuracyPerClass(
    const Classifier& classifier, const ImageSet& images) {
  ASSIGN_OR_RETURN(const std::vector<int> found, classifier.Classify(images));
  std::vector<double> right(images.class_names.size(), 0);
  std::vector<double> count(images.class_names.size(), 0);
  for (size_t i = 0; i < found.size(); ++i) {
    const auto label = static_cast<size_t>(images.labels[i]);
    count[label] += 1;
    if (found[i] == images.labels[i]) right[label] += 1;
  }
  for (size_t i = 0; i < right.size(); ++i) {
    if (count[i] > 0) right[i] /= count[i];
  }
  return right;
}

// Trains a classifier on the samples alone and tests it on real images.
absl::StatusOr<double> AccuracyOfTrainingOnSamples(
    const ImageSet& samples, const EvaluateArguments& arguments) {
  ASSIGN_OR_RETURN(
      const ImageSet test,
      ReadImageFolder(arguments.test, samples.size, samples.channels));
  Classifier::Options options;
  options.threads = arguments.threads;
  options.report = PrintLine;
  ASSIGN_OR_RETURN(const std::unique_ptr<Classifier> classifier,
                   Classifier::Train(samples, options));
  return classifier->Accuracy(test);
}

absl::Status RunEvaluate(const EvaluateArguments& arguments) {
  if (arguments.bound.wanted()) {
    return RunBound(arguments.bound,
                    {.package = arguments.package,
                     .images = arguments.test,
                     .count = arguments.count,
                     .seed = arguments.seed,
                     .threads = arguments.threads,
                     .device = arguments.sampling.device,
                     .augmentation = arguments.sampling.augmentation,
                     .json = arguments.json});
  }
  if (arguments.classifier.empty()) {
    return absl::InvalidArgumentError("--classifier is missing");
  }
  if (arguments.train_on_samples > 0 && arguments.test.empty()) {
    return absl::InvalidArgumentError("--train_on_samples needs --test");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Classifier> classifier,
                   Classifier::Load(arguments.classifier));
  ASSIGN_OR_RETURN(const std::unique_ptr<CascadeModel> model,
                   arguments.sampling.Load(arguments.package));
  if (model->spec().class_names.empty()) {
    return absl::InvalidArgumentError(
        "the cascade is unconditional: there is no class to find");
  }
  ASSIGN_OR_RETURN(const std::vector<StageSampling> stages,
                   arguments.sampling.StagesOf(model->spec()));
  nlohmann::ordered_json report;
  {
    ASSIGN_OR_RETURN(
        const SampleSet samples,
        DrawSampleSet(*model, stages, arguments.count, arguments.seed,
                      arguments.threads, PrintLine));
    const ImageSet& finished = samples.stages.back();
    ASSIGN_OR_RETURN(const double accuracy, classifier->Accuracy(finished));
    ASSIGN_OR_RETURN(const std::vector<double> per_class,
                     AccuracyPerClass(*classifier, finished));
    report["count"] = finished.count();
    report["class_found"] = accuracy;
    report["class_found_per_class"] = per_class;
    report["rms_difference_from_lower_stage"] =
        DifferenceFromLowerStage(samples);
  }
  if (arguments.train_on_samples > 0) {
    // Other seeds than those above.
    ASSIGN_OR_RETURN(
        const SampleSet samples,
        DrawSampleSet(*model, stages, arguments.train_on_samples,
                      arguments.seed + static_cast<uint64_t>(arguments.count),
                      arguments.threads, PrintLine));
    ASSIGN_OR_RETURN(
        const double accuracy,
        AccuracyOfTrainingOnSamples(samples.stages.back(), arguments));
    report["trained_on_samples"] = arguments.train_on_samples;
    report["accuracy_on_real_images"] = accuracy;
  }
  if (arguments.json) {
    std::printf("%s\n", report.dump(2).c_str());
    return absl::OkStatus();
  }
  for (const auto& [key, value] : report.items()) {
    std::printf("%-32s %s\n", key.c_str(), value.dump().c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddTrainClassifierCommand(CLI::App& app) {
  auto arguments = std::make_shared<ClassifierArguments>();
  CLI::App* command = app.add_subcommand(
      "train-classifier",
      "Trains a small image classifier, the judge of `evaluate`, on an image "
      "folder.");
  command->add_option("train", arguments->train, "Image folder to train on")
      ->required();
  command->add_option("--test", arguments->test, "Image folder to test on");
  command->add_option("--out", arguments->out, "The file to write")->required();
  command->add_option("--size", arguments->size, "Height and width, pixels")
      ->check(CLI::Range(8, 1024))
      ->capture_default_str();
  command->add_option("--channels", arguments->channels, "1 or 3")
      ->check(CLI::IsMember({1, 3}))
      ->capture_default_str();
  command->add_option("--epochs", arguments->options.epochs, "Epochs")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--seed", arguments->options.seed, "Seed")
      ->capture_default_str();
  command
      ->add_option("--threads", arguments->options.threads, "Intra-op threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->callback(
      [arguments] { ExitUnlessOk(RunTrainClassifier(*arguments)); });
}

void AddEvaluateCommand(CLI::App& app) {
  auto arguments = std::make_shared<EvaluateArguments>();
  CLI::App* command = app.add_subcommand(
      "evaluate",
      "Draws images from a package and measures how often a classifier finds "
      "the class that was asked for, how far each stage keeps to the one "
      "below, and what a classifier learns from generated images alone; or, "
      "with "
      "--bound, estimates its variational bound on real images.");
  command->add_option("package", arguments->package, "Folder of the package")
      ->required();
  command->add_option("--classifier", arguments->classifier,
                      "A file of train-classifier");
  command->add_option("--count", arguments->count, "How many images")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "Seed of the first image")
      ->capture_default_str();
  command
      ->add_option("--train_on_samples", arguments->train_on_samples,
                   "Train a classifier on this many further images")
      ->check(CLI::PositiveNumber);
  command->add_option("--test", arguments->test,
                      "Image folder of real images that it is tested on");
  command->add_option("--threads", arguments->threads, "Threads that sample")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Print JSON");
  arguments->bound.AddTo(*command);
  arguments->sampling.AddTo(*command);
  command->callback([arguments] { ExitUnlessOk(RunEvaluate(*arguments)); });
}

}  // namespace cascade
