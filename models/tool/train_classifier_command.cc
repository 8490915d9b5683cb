#include <cstdio>
#include <memory>
#include <string>

#include "models/evaluation/classifier.h"
#include "models/evaluation/feature_network.h"
#include "models/tool/commands.h"
#include "models/tool/exit_status.h"
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

}  // namespace

void AddTrainClassifierCommand(CLI::App& app) {
  auto arguments = std::make_shared<ClassifierArguments>();
  CLI::App* command = app.add_subcommand(
      "train-classifier",
      "Trains a small image classifier, the judge of `evaluate`, on an image "
      "folder of any classes, at any size, grey or in colour.");
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
  command
      ->add_option("--width", arguments->options.width,
                   "Channels of the first level; the last level's are the "
                   "features")
      ->check(CLI::IsMember({8, 16, 24, 32, 48, 64}))
      ->capture_default_str();
  command->add_flag("--flip", arguments->options.flip,
                    "Turn half of the images left-right");
  command->add_option("--seed", arguments->options.seed, "Seed")
      ->capture_default_str();
  command
      ->add_option("--threads", arguments->options.threads, "Intra-op threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->callback(
      [arguments] { ExitUnlessOk(RunTrainClassifier(*arguments)); });
}

}  // namespace cascade
