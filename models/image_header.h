#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"

namespace cascade {

// What an encoded image says about itself.
struct ImageHeader {
  // Pixels, as stored: before the orientation is applied. At least 1.
  int width = 0;
  int height = 0;
  // EXIF: how to turn the stored pixels; 1 leaves them, 5 to 8 swap width and
  // height.
  int orientation = 1;
  // Of a grey PNG: the level that stands for transparent, in the range that the
  // pixels have when decoded (8 or 16 bits).
  std::optional<uint16_t> transparent_grey = std::nullopt;
};

// Reads the header of a PNG, JPEG or WebP without decoding or allocating
// anything. INVALID_ARGUMENT for other bytes, and for an image whose end is
// missing. Thread-safe.
absl::StatusOr<ImageHeader> ReadImageHeader(std::span<const uint8_t> bytes);

}  // namespace cascade
