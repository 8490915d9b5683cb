#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "models/evaluation/feature_set.h"

namespace cascade {

struct KernelDistanceOptions {
  int subsets = 100;
  // Of each set; all images of the smaller set, if that has fewer.
  int64_t subset_size = 1000;
  uint64_t seed = 0;  // Of the draw of the subsets.
};

struct KernelDistance {
  double mean = 0;    // Over the subsets.
  double spread = 0;  // Their standard deviation (divided by their number).
  int64_t subset_size = 0;
};

// The squared maximum mean discrepancy of two sets of features under the kernel
// k(x, y) = (x.y / dimensions + 1)^3 (Binkowski et al. 2018, section 4; with
// Inception's features it is the KID), by the unbiased estimator of Gretton et
// al. 2012, eq. 3, for n images of each set:
//
//   sum_{i != j} [k(x_i, x_j) + k(y_i, y_j)] / (n (n - 1))
//     - 2 sum_{i, j} k(x_i, y_j) / n^2
//
// It has no bias for few images, and may come out below zero for sets of one
// distribution. INVALID_ARGUMENT for different dimensions or a set of fewer
// than two images.
absl::StatusOr<KernelDistance> MeasureKernelDistance(
    const FeatureSet& a, const FeatureSet& b,
    const KernelDistanceOptions& options);

}  // namespace cascade
