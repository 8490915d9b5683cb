#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/host_image.h"
#include "models/image_header.h"

namespace cascade {

// Encoded images to pixels and back. Wraps OpenCV's codecs and stops its
// exceptions. Works on the calling thread alone. Thread-safe.

// Far above what a stage takes; what an image file may have.
inline constexpr int64_t kMaxFilePixels = int64_t{1} << 26;

// Decodes a PNG, JPEG or WebP to `channels` (1: grey, 3: R G B). Transparent
// pixels are put on black, 16 bits become 8, and an EXIF orientation is
// applied. INVALID_ARGUMENT for bytes that are no image, and, before anything
// is decoded, for one of more than `max_pixels`.
absl::StatusOr<HostImage> DecodeImage(std::span<const uint8_t> bytes,
                                      int channels,
                                      int64_t max_pixels = kMaxFilePixels);

// Reads a whole file and decodes it; errors name the file.
absl::StatusOr<HostImage> ReadImageFile(const std::string& path, int channels);

// How an image of any shape becomes a square.
enum class ResizeRule {
  kCenterCrop,  // Cuts both ends of the longer side.
  kPad,         // Fills up beside the shorter side, in black.
  kStretch,     // Scales each side by its own factor.
};

// `image` as size x size pixels: a side is scaled by area when it gets smaller,
// bicubically when it gets larger.
absl::StatusOr<HostImage> ResizeImage(const HostImage& image, int size,
                                      ResizeRule rule);

// What a stage takes: channels x height x width floats, 0..255 as [-1, 1].
// Rounded to 8 bits they are the image again.
std::vector<float> ToModelRange(const HostImage& image);

// `compression` 0..9.
absl::StatusOr<std::vector<uint8_t>> EncodePng(const HostImage& image,
                                               int compression = 6);
// `quality` 1..100.
absl::StatusOr<std::vector<uint8_t>> EncodeJpeg(const HostImage& image,
                                                int quality = 92);
// `quality` 1..100; above 100 is lossless.
absl::StatusOr<std::vector<uint8_t>> EncodeWebp(const HostImage& image,
                                                int quality = 92);

}  // namespace cascade
