#pragma once

#include "absl/status/statusor.h"
#include "models/evaluation/feature_set.h"

namespace cascade {

struct PrecisionRecall {
  double precision = 0;  // The share of generated images that look real.
  double recall = 0;     // The share of real images that could be generated.
};

// Improved precision and recall (Kynkaanniemi et al. 2019, eq. 1 and 2): the
// manifold of a set is the union of balls around its feature vectors, each up
// to its vector's k-th nearest neighbour in the set (k = 3 in the paper),
// border included; precision is the share of generated vectors in the real
// manifold, recall that of real vectors in the generated one.
//
// Distances are differences, not expanded products, so that equal vectors have
// distance 0. INVALID_ARGUMENT for different dimensions, and unless both sets
// have more than k images. Costs O(count^2 dimensions) and a block of rows of
// memory.
absl::StatusOr<PrecisionRecall> MeasurePrecisionRecall(
    const FeatureSet& generated, const FeatureSet& real, int k = 3);

}  // namespace cascade
