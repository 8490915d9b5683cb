#include "models/tool/judge_options.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/evaluation/same_classes.h"
#include "models/tool/progress.h"
#include "models/training/image_folder.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

const std::map<std::string, ImageMetric>& MetricsByName() {
  static const auto* const kMetrics = new std::map<std::string, ImageMetric>{
      {"fid", ImageMetric::kFrechet},
      {"kid", ImageMetric::kKernel},
      {"pr", ImageMetric::kPrecisionRecall},
      {"is", ImageMetric::kInceptionScore},
      {"class", ImageMetric::kClass}};
  return *kMetrics;
}

}  // namespace

void JudgeOptions::AddTo(CLI::App& command,
                         const std::vector<std::string>& names) {
  network.AddTo(command);
  command
      .add_option("--metrics", metrics,
                  absl::StrCat("What to measure, separated by commas: ",
                               absl::StrJoin(names, ", "),
                               " (default: what the other options allow, "
                               "without those that train a network)"))
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember(names));
  command.add_option("--train", train,
                     "Image folder to compare with, figures _train");
  command.add_option("--test", test,
                     "Image folder to compare with, figures _test");
  command.add_option("--cache", cache,
                     "Folder that keeps the moments of real images");
  command.add_option("--kid_subsets", kid_subsets, "Subsets of the KID")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command
      .add_option("--kid_subset_size", kid_subset_size,
                  "Images of a subset; all when there are fewer")
      ->check(CLI::Range(2, 100000))
      ->capture_default_str();
  command.add_option("--splits", splits, "Splits of the inception score")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
}

bool JudgeOptions::Names(const std::string& metric) const {
  return std::find(metrics.begin(), metrics.end(), metric) != metrics.end();
}

std::set<ImageMetric> JudgeOptions::Chosen(bool images_have_classes) const {
  std::set<ImageMetric> chosen;
  if (!metrics.empty()) {
    for (const auto& [name, metric] : MetricsByName()) {
      if (Names(name)) chosen.insert(metric);
    }
    return chosen;
  }
  if (!train.empty() || !test.empty()) {
    chosen = {ImageMetric::kFrechet, ImageMetric::kKernel,
              ImageMetric::kPrecisionRecall};
  }
  // Whether a TorchScript file gives probabilities is known when it has run.
  if (!network.classifier.empty()) {
    chosen.insert(ImageMetric::kInceptionScore);
    if (images_have_classes) chosen.insert(ImageMetric::kClass);
  }
  return chosen;
}

absl::Status JudgeOptions::CheckReferences() const {
  for (const char* metric : {"fid", "kid", "pr"}) {
    if (Names(metric) && train.empty() && test.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--metrics ", metric, " needs --train or --test"));
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> JudgeOptions::FigureNames(
    bool images_have_classes) const {
  std::vector<std::string> references;
  if (!train.empty()) references.push_back("train");
  if (!test.empty()) references.push_back("test");
  return ImageJudge::FigureNames(Chosen(images_have_classes), references);
}

absl::StatusOr<ImageJudge> JudgeOptions::MakeJudge(
    const NetworkOptions::Loaded& loaded,
    const std::vector<std::string>& class_names, int size, int channels,
    int threads) const {
  ImageJudge::Options options;
  options.metrics = Chosen(!class_names.empty());
  options.kernel = {.subsets = kid_subsets, .subset_size = kid_subset_size};
  options.splits = splits;
  options.threads = threads;
  options.cache = cache;
  options.report = PrintProgress;
  if (options.metrics.contains(ImageMetric::kClass) &&
      !loaded.class_names.empty()) {
    RETURN_IF_ERROR(CheckSameClasses(class_names, "the samples",
                                     loaded.class_names, network.classifier));
  }
  ImageJudge judge(*loaded.network, std::move(options));
  for (const auto& [name, folder] :
       {std::pair("train", &train), std::pair("test", &test)}) {
    if (folder->empty()) continue;
    ASSIGN_OR_RETURN(ImageSet images, ReadImageFolder(*folder, size, channels));
    judge.AddReference(name, std::move(images));
  }
  return judge;
}

}  // namespace cascade
