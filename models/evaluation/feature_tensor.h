#pragma once

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "models/evaluation/feature_set.h"

namespace cascade {

// The features of a set as a double tensor [count, dimensions] of its own.
// INVALID_ARGUMENT, saying whose they are by `name`, when one is infinite or
// NaN, or when there are fewer than `least` rows.
absl::StatusOr<at::Tensor> FeatureTensor(const FeatureSet& set,
                                         const char* name, int64_t least);

// The same for two sets, which must have one width.
absl::Status CheckComparable(const FeatureSet& a, const FeatureSet& b);

}  // namespace cascade
