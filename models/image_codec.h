#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/host_image.h"

namespace cascade {

// Encoded images to pixels and back. Wraps OpenCV's codecs and stops its
// exceptions. Thread-safe.

// Decodes a PNG, JPEG or WebP to `channels` (1: grey, 3: R G B). Alpha is
// dropped, 16 bits become 8, and an EXIF orientation is applied.
// INVALID_ARGUMENT for bytes that are no image.
absl::StatusOr<HostImage> DecodeImage(std::span<const uint8_t> bytes,
                                      int channels);

// Reads a whole file and decodes it; errors name the file.
absl::StatusOr<HostImage> ReadImageFile(const std::string& path, int channels);

// The central square of `image`, resized to size x size: by area when it gets
// smaller, bicubic when it gets larger.
absl::StatusOr<HostImage> FitSquare(const HostImage& image, int size);

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
