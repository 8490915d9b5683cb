#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/evaluation/bound_plan.h"
#include "models/evaluation/mean_and_error.h"
#include "models/training/image_folder.h"
#include "models/weights/cascade_manifest.h"

namespace cascade {

// Of one stage, in nats an image.
struct StageBoundReport {
  std::string name;
  int resolution = 0;
  int64_t values = 0;             // Of one image: height, width, channels.
  double augmentation_level = 0;  // Of its input.
  int augmentation_index = 0;
  int first_timestep = 0;  // Of its terms; 0: up to the decoder.
  MeanAndError prior, steps, decoder, total;
  // Of each timestep: the sum over the images of its term, or an estimate of
  // it, and how often it was evaluated.
  std::vector<double> timestep_sums;
  std::vector<int64_t> timestep_evaluations;
};

struct BoundReport {
  std::vector<StageBoundReport> stages;
  MeanAndError total;  // Of the cascade; without images for kStages.
  int64_t images = 0;
};

// Estimates the variational bound of a package's stages, or of the whole
// cascade, on images of the last stage's resolution. Lower stages see them
// reduced by area and rounded to 8 bits, so that each has a probability.
//
// Terms are those of the processes that the stages were trained with, with x_0
// clipped to [-1, 1] and without guidance. Errors are standard errors over the
// images, and take in the noise and the timesteps that were drawn.
class CascadeBound {
 public:
  // INVALID_ARGUMENT with the stage and the reason where the bound of this kind
  // does not exist.
  static absl::StatusOr<std::unique_ptr<CascadeBound>> Create(
      const std::string& package, const BoundOptions& options);

  virtual ~CascadeBound() = default;

  virtual const CascadeManifest& manifest() const = 0;
  // Adds the images `numbers` of `images`, which name their random numbers.
  // INVALID_ARGUMENT for images of another size, channels or classes.
  virtual absl::Status Add(const ImageSet& images,
                           std::span<const int64_t> numbers) = 0;
  virtual const BoundReport& report() const = 0;
  // Goes on from a report of the same package, options and images.
  virtual absl::Status Restore(const BoundReport& report) = 0;
};

// 0 .. count-1 in an order that is a function of `seed`: every beginning of it
// is a fair choice.
std::vector<int64_t> BoundOrder(int64_t count, uint64_t seed);

}  // namespace cascade
