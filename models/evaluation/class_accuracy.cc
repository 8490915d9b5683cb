#include "models/evaluation/class_accuracy.h"

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

// How many classes are more likely than `label`.
int RankOf(std::span<const float> probabilities, size_t label) {
  int rank = 0;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    const bool first = i < label ? probabilities[i] >= probabilities[label]
                                 : probabilities[i] > probabilities[label];
    if (first) ++rank;
  }
  return rank;
}

}  // namespace

absl::StatusOr<ClassAccuracy> MeasureClassAccuracy(
    const FeatureSet& set, std::span<const int> labels) {
  if (set.classes == 0 || set.count == 0 ||
      labels.size() != static_cast<size_t>(set.count)) {
    return absl::InvalidArgumentError(
        absl::StrCat("an accuracy needs class probabilities and labels: there "
                     "are ",
                     set.count, " images, ", labels.size(), " labels and ",
                     set.classes, " classes"));
  }
  const auto classes = static_cast<size_t>(set.classes);
  std::vector<double> found(classes, 0);
  ClassAccuracy accuracy;
  accuracy.per_class.resize(classes);
  accuracy.count_per_class.resize(classes, 0);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= set.classes) {
      return absl::InvalidArgumentError(
          absl::StrCat("image ", i, " is of class ", labels[i],
                       ", the classifier knows ", set.classes));
    }
    const auto label = static_cast<size_t>(labels[i]);
    const int rank = RankOf(
        std::span(set.probabilities).subspan(i * classes, classes), label);
    accuracy.count_per_class[label] += 1;
    if (rank < 1) accuracy.top1 += 1, found[label] += 1;
    if (rank < 5) accuracy.top5 += 1;
  }
  const auto count = static_cast<double>(set.count);
  accuracy.top1 /= count;
  accuracy.top5 /= count;
  for (size_t c = 0; c < classes; ++c) {
    if (accuracy.count_per_class[c] > 0) {
      accuracy.per_class[c] =
          found[c] / static_cast<double>(accuracy.count_per_class[c]);
    }
  }
  return accuracy;
}

}  // namespace cascade
