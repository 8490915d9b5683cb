#include "server/encode/image_encoder.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "models/image_codec.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Fast: pictures of a few kilobytes gain little from more.
constexpr int kPngCompression = 1;

const char* Name(ImageFormat format) {
  switch (format) {
    case ImageFormat::kPng:
      return "png";
    case ImageFormat::kJpeg:
      return "jpeg";
    case ImageFormat::kWebp:
      return "webp";
    case ImageFormat::kRaw:
      return "raw";
  }
  return "unknown";
}

absl::Status Check(const HostImage& image) {
  const bool sized = image.height > 0 && image.width > 0 &&
                     (image.channels == 1 || image.channels == 3);
  const auto size = [](int n) { return static_cast<size_t>(n); };
  if (sized && image.pixels.size() == size(image.height) * size(image.width) *
                                          size(image.channels)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "no image: ", image.width, " x ", image.height, " with ", image.channels,
      " channels in ", image.pixels.size(), " bytes"));
}

absl::StatusOr<std::vector<uint8_t>> Bytes(const HostImage& image,
                                           const OutputOptions& options) {
  switch (options.format) {
    case ImageFormat::kPng:
      return EncodePng(image, kPngCompression);
    case ImageFormat::kJpeg:
      return EncodeJpeg(image, options.quality);
    case ImageFormat::kWebp:
      return EncodeWebp(image, options.quality);
    case ImageFormat::kRaw:
      return image.pixels;
  }
  return absl::InternalError("unknown image format");
}

}  // namespace

absl::StatusOr<EncodedImage> ImageEncoder::Encode(
    const HostImage& image, const OutputOptions& options) const {
  RETURN_IF_ERROR(Check(image));
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, Bytes(image, options));
  metrics_.RecordEncode(Name(options.format), absl::Now() - start);
  return EncodedImage{.format = options.format,
                      .width = image.width,
                      .height = image.height,
                      .channels = image.channels,
                      .bytes = std::string(bytes.begin(), bytes.end())};
}

}  // namespace cascade
