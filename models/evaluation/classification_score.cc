#include "models/evaluation/classification_score.h"

#include <memory>

#include "models/evaluation/feature_network.h"
#include "models/evaluation/same_classes.h"
#include "server/base/status_macros.h"

namespace cascade {

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
