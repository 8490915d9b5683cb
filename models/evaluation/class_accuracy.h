#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "models/evaluation/feature_set.h"

namespace cascade {

// How often a classifier finds the class of images.
struct ClassAccuracy {
  double top1 = 0;
  double top5 = 0;  // The share whose class is among the five most likely.
  // top1 of each; none where there is no image.
  std::vector<std::optional<double>> per_class;
  std::vector<int64_t> count_per_class;
};

// `labels[i]` is the class of image i. Of equal probabilities the first class
// counts as the more likely. INVALID_ARGUMENT without probabilities or images,
// and for a label that is no class of theirs.
absl::StatusOr<ClassAccuracy> MeasureClassAccuracy(const FeatureSet& set,
                                                   std::span<const int> labels);

}  // namespace cascade
