#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cascade/v1/image.pb.h"

namespace cascade {

// A raw image as the bytes of a PNG file. INVALID_ARGUMENT when the image is
// not raw, or its size does not belong to its bytes.
absl::StatusOr<std::string> EncodePng(const v1::Image& image);

}  // namespace cascade
