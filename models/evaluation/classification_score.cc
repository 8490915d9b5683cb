#include "models/evaluation/classification_score.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/evaluation/feature_network.h"
#include "server/base/status_macros.h"

namespace cascade {

absl::Status CheckSameClasses(const std::vector<std::string>& names_a,
                              const std::string& a,
                              const std::vector<std::string>& names_b,
                              const std::string& b) {
  if (names_a.size() != names_b.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        a, " has ", names_a.size(), " classes, ", b, " has ", names_b.size()));
  }
  for (size_t i = 0; i < names_a.size(); ++i) {
    if (names_a[i] != names_b[i]) {
      return absl::InvalidArgumentError(
          absl::StrCat("class ", i, " is \"", names_a[i], "\" in ", a, ", \"",
                       names_b[i], "\" in ", b));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ClassAccuracy> ClassificationAccuracyScore(
    const ImageSet& samples, const ImageSet& real,
    const Classifier::Options& options) {
  RETURN_IF_ERROR(CheckSameClasses(samples.class_names, "the samples",
                                   real.class_names, "the real images"));
  ASSIGN_OR_RETURN(const std::unique_ptr<Classifier> classifier,
                   Classifier::Train(samples, options));
  ASSIGN_OR_RETURN(const FeatureSet set, FeaturesOf(*classifier, real));
  return MeasureClassAccuracy(set, real.labels);
}

}  // namespace cascade
