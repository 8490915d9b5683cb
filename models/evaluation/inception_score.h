#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "models/evaluation/feature_set.h"

namespace cascade {

struct InceptionScore {
  double mean = 0;    // Over the splits.
  double spread = 0;  // Their standard deviation (divided by their number).
  int splits = 0;
};

// exp of the mean over images of KL(p(y|x) || p(y)), where p(y) is the mean of
// p(y|x) over the images of a split (Salimans et al. 2016, section 4): from 1,
// when all images look alike to the classifier, to the number of classes.
//
// The images are dealt out to `splits` parts, which differ in size by at most
// one, in an order drawn by `seed`, so that no part holds one class of a set
// that is sorted by class. INVALID_ARGUMENT without probabilities, for fewer
// images than splits, and for a row that is no distribution.
absl::StatusOr<InceptionScore> MeasureInceptionScore(const FeatureSet& set,
                                                     int splits, uint64_t seed);

}  // namespace cascade
