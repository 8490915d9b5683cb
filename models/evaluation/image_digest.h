#pragma once

#include <string>

#include "models/training/image_folder.h"

namespace cascade {

// The SHA-256 of the images' sizes, pixels and labels, and their number, as a
// short text: two sets of one digest are the same images.
std::string ImageDigest(const ImageSet& images);

}  // namespace cascade
