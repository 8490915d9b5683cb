#include "models/evaluation/feature_tensor.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>

#include "absl/strings/str_cat.h"

namespace cascade {

absl::StatusOr<at::Tensor> FeatureTensor(const FeatureSet& set,
                                         const char* name, int64_t least) {
  if (set.count < least) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": ", set.count, " images, at least ", least, " are needed"));
  }
  const at::Tensor features =
      at::from_blob(const_cast<float*>(set.features.data()),
                    {set.count, set.dimensions}, at::kFloat)
          .to(at::kDouble);
  if (!at::isfinite(features).all().item<bool>()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": a feature is infinite or NaN"));
  }
  return features;
}

absl::Status CheckComparable(const FeatureSet& a, const FeatureSet& b) {
  if (a.dimensions == b.dimensions) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("features of ", a.dimensions, " and of ", b.dimensions,
                   " dimensions cannot be compared"));
}

}  // namespace cascade
