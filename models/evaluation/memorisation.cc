#include "models/evaluation/memorisation.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace cascade {
namespace {

constexpr double kNearlyAll = 0.05;

std::vector<double> SortedDistances(std::span<const NearestImage> images) {
  std::vector<double> distances;
  for (const NearestImage& image : images) distances.push_back(image.distance);
  std::sort(distances.begin(), distances.end());
  return distances;
}

// Linear between the two values about the place `share` of the way up.
double Quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double fraction = place - static_cast<double>(below);
  return sorted[below] + fraction * (sorted[above] - sorted[below]);
}

double ShareBelow(const std::vector<double>& sorted, double limit) {
  const auto count =
      std::lower_bound(sorted.begin(), sorted.end(), limit) - sorted.begin();
  return static_cast<double>(count) / static_cast<double>(sorted.size());
}

}  // namespace

absl::StatusOr<Memorisation> JudgeMemorisation(
    std::span<const NearestImage> samples,
    std::span<const NearestImage> held_out) {
  if (samples.empty()) return absl::InvalidArgumentError("there is no sample");
  if (held_out.empty()) {
    return absl::InvalidArgumentError("there is no held-out image");
  }
  const std::vector<double> drawn = SortedDistances(samples);
  const std::vector<double> unseen = SortedDistances(held_out);
  Memorisation result;
  result.sample_median = Quantile(drawn, 0.5);
  result.held_out_median = Quantile(unseen, 0.5);
  result.nearer_than_half = ShareBelow(drawn, result.held_out_median);
  result.nearer_than_nearly_all =
      ShareBelow(drawn, Quantile(unseen, kNearlyAll));
  return result;
}

Diversity CompareDiversity(
    std::span<const std::optional<double>> sample_spreads,
    std::span<const std::optional<double>> training_spreads) {
  Diversity result;
  const size_t classes =
      std::min(sample_spreads.size(), training_spreads.size());
  for (size_t i = 0; i < classes; ++i) {
    if (!sample_spreads[i] || !training_spreads[i]) continue;
    result.samples += *sample_spreads[i];
    result.training_images += *training_spreads[i];
    ++result.classes;
  }
  if (result.classes > 0) {
    result.samples /= result.classes;
    result.training_images /= result.classes;
  }
  return result;
}

}  // namespace cascade
