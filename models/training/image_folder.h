#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/host_image.h"

namespace cascade {

// Images in memory, 8 bits a channel, all of one size.
struct ImageSet {
  int size = 0;  // Height and width.
  int channels = 0;
  std::vector<std::string> class_names;
  std::vector<int> labels;      // One per image; an index of class_names.
  std::vector<uint8_t> pixels;  // [image][y][x][channel]

  int64_t count() const { return static_cast<int64_t>(labels.size()); }
};

// A copy of image `index`, 0 .. count() - 1.
HostImage ImageAt(const ImageSet& images, int64_t index);

// Reads folder/CLASS/*.{png,jpg,jpeg}, the ImageFolder layout: classes and
// files in the order of their names, classes that are all numbers in the order
// of the numbers. A folder without folders is one class, "images". Images are
// cropped to their central square and reduced to `size` by area. Fails on the
// first file that cannot be decoded.
absl::StatusOr<ImageSet> ReadImageFolder(const std::string& folder, int size,
                                         int channels);

}  // namespace cascade
