#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/host_image.h"

namespace cascade {

// A gradient, so that order of rows, columns and channels shows.
HostImage Gradient(int height, int width, int channels);

using Bytes = std::vector<uint8_t>;

// A PNG written by hand: IHDR, the chunks of `extra`, and the pixels, which are
// stored uncompressed. `rows` have no filter bytes.
struct MadePng {
  uint32_t width = 0;
  uint32_t height = 0;
  uint8_t bit_depth = 8;
  uint8_t color_type =
      0;  // 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
  std::vector<Bytes> rows;
  std::vector<std::pair<std::string, Bytes>> extra = {};
};
Bytes WritePng(const MadePng& png);

// EXIF data that holds an orientation among other entries.
Bytes ExifOrientation(int orientation, bool little_endian);

// `jpeg` with an APP1 segment of `exif` behind its first marker.
Bytes WithExif(const Bytes& jpeg, const Bytes& exif);

// Lossless WebP files that libwebp 1.6 made, of 2x1 pixels, (200, 100, 50) and
// (10, 20, 30).
// The first is half transparent (opacity 128).
Bytes WebpWithAlpha();
// In the extended layout, with EXIF orientation 6.
Bytes WebpWithExif();

}  // namespace cascade
