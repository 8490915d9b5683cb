#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "models/training/image_folder.h"

namespace cascade {

// Distances between images as they are seen: per pixel, with no features, so
// that no network has a say in what counts as a copy. A picture that is moved
// by some pixels is far from itself; compare at a low resolution too.
//
// Works on the calling thread. Thread-safe.

// The root mean square difference over all pixels and channels: 0 (equal) to
// 255 (black and white). Both of one size, not empty.
double ImageDistance(std::span<const uint8_t> a, std::span<const uint8_t> b);

struct NearestImage {
  int64_t index = 0;    // Of the candidate; the first of several as near.
  double distance = 0;  // ImageDistance.
};

// The nearest of all candidates, of whatever class, of each query.
// INVALID_ARGUMENT when their sizes differ or there is no candidate.
absl::StatusOr<std::vector<NearestImage>> FindNearestImages(
    const ImageSet& queries, const ImageSet& candidates);

// The mean distance of two different images of a class, for each class:
// nothing where it has fewer than two. One a class of `class_names`.
std::vector<std::optional<double>> SpreadOfClasses(const ImageSet& images);

}  // namespace cascade
