#include "models/evaluation/inception_score.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/evaluation/mean_and_error.h"
#include "models/evaluation/shuffled_order.h"

namespace cascade {
namespace {

// p log p, which goes to 0 with p.
double Entropic(double p) { return p > 0 ? p * std::log(p) : 0; }

std::span<const float> RowOf(const FeatureSet& set, int64_t image) {
  const auto classes = static_cast<size_t>(set.classes);
  return std::span(set.probabilities)
      .subspan(static_cast<size_t>(image) * classes, classes);
}

absl::Status CheckDistributions(const FeatureSet& set) {
  for (int64_t image = 0; image < set.count; ++image) {
    double sum = 0;
    bool good = true;
    for (float p : RowOf(set, image)) {
      good = good && p >= 0;
      sum += p;
    }
    if (!good || !(std::abs(sum - 1) < 1e-3)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the class probabilities of image ", image, " sum up to ", sum));
    }
  }
  return absl::OkStatus();
}

// The mean KL is the entropy of the mean less the mean of the entropies.
double ScoreOf(const FeatureSet& set, std::span<const int64_t> images) {
  std::vector<double> marginal(static_cast<size_t>(set.classes), 0);
  double conditional = 0;
  for (int64_t image : images) {
    const std::span<const float> row = RowOf(set, image);
    for (size_t c = 0; c < row.size(); ++c) {
      marginal[c] += row[c];
      conditional += Entropic(row[c]);
    }
  }
  const auto count = static_cast<double>(images.size());
  double divergence = conditional / count;
  for (double sum : marginal) divergence -= Entropic(sum / count);
  return std::exp(divergence);
}

}  // namespace

absl::StatusOr<InceptionScore> MeasureInceptionScore(const FeatureSet& set,
                                                     int splits,
                                                     uint64_t seed) {
  if (set.classes == 0) {
    return absl::InvalidArgumentError(
        "the inception score needs a network with class probabilities");
  }
  if (splits < 1 || set.count < splits) {
    return absl::InvalidArgumentError(
        absl::StrCat(set.count, " images cannot be split into ", splits));
  }
  if (absl::Status status = CheckDistributions(set); !status.ok()) {
    return status;
  }
  const std::vector<int64_t> order = ShuffledOrder(set.count, seed);
  InceptionScore result;
  result.splits = splits;
  MeanAndError scores;
  for (int i = 0; i < splits; ++i) {
    const auto begin = static_cast<size_t>(set.count * i / splits);
    const auto end = static_cast<size_t>(set.count * (i + 1) / splits);
    scores.Add(ScoreOf(set, std::span(order).subspan(begin, end - begin)));
  }
  result.mean = scores.mean;
  result.spread = scores.StandardDeviation();
  return result;
}

}  // namespace cascade
