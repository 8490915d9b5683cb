#pragma once

#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "models/evaluation/nearest_images.h"

namespace cascade {

// Whether generated images are copies of training images. The yardstick is
// real images that training never saw: how near the training images come to
// them. Samples of a model that has learned what such images look like are as
// near to the training images as unseen ones are; copies are nearer.
struct Memorisation {
  // Medians of the distance to the nearest training image.
  double sample_median = 0;
  double held_out_median = 0;
  // The share of samples that are nearer to a training image than half of the
  // held-out images are: 0.5 without copying, 1 where all are copies.
  double nearer_than_half = 0;
  // Nearer than all but a twentieth of the held-out images: 0.05 without
  // copying.
  double nearer_than_nearly_all = 0;
};

// Neither may be empty: INVALID_ARGUMENT. The classes of both should be mixed
// alike, for classes differ in how near their images are to one another.
absl::StatusOr<Memorisation> JudgeMemorisation(
    std::span<const NearestImage> samples,
    std::span<const NearestImage> held_out);

// How different generated images of a class are from one another, as against
// those of the data: the means of SpreadOfClasses over the classes in which
// both have one.
struct Diversity {
  double samples = 0;
  double training_images = 0;
  int classes = 0;  // That count; 0: no figures.
};

Diversity CompareDiversity(
    std::span<const std::optional<double>> sample_spreads,
    std::span<const std::optional<double>> training_spreads);

}  // namespace cascade
