#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/job/picture_encoder.h"

namespace cascade {

// Gives pixels as they are, whatever the format. Refuses images without pixels.
class PlainEncoder : public PictureEncoder {
 public:
  absl::StatusOr<EncodedImage> Encode(
      const HostImage& image, const OutputOptions& options) const override {
    if (image.pixels.empty()) return absl::InternalError("no pixels");
    return EncodedImage{
        .format = options.format,
        .width = image.width,
        .height = image.height,
        .channels = image.channels,
        .bytes = std::string(image.pixels.begin(), image.pixels.end())};
  }
};

}  // namespace cascade
