#pragma once

#include "absl/status/statusor.h"
#include "models/evaluation/class_accuracy.h"
#include "models/evaluation/classifier.h"
#include "models/training/image_folder.h"

namespace cascade {

// The classification accuracy score (Ravuri & Vinyals 2019; Ho et al. 2022,
// table 2): how well a classifier that was trained on `samples` alone knows the
// real images of `real`. The classes must have the same names in the same order
// (INVALID_ARGUMENT, naming the first that has not).
absl::StatusOr<ClassAccuracy> ClassificationAccuracyScore(
    const ImageSet& samples, const ImageSet& real,
    const Classifier::Options& options);

}  // namespace cascade
