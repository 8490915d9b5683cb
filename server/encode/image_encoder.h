#pragma once

#include "server/job/picture_encoder.h"
#include "server/metrics/metrics.h"

namespace cascade {

// PNG, JPEG and WebP through OpenCV, and raw pixels as they are. Thread-safe.
class ImageEncoder : public PictureEncoder {
 public:
  // `metrics` outlives the encoder.
  explicit ImageEncoder(Metrics& metrics) : metrics_(metrics) {}

  // INVALID_ARGUMENT for an image whose size does not fit its pixels, INTERNAL
  // for what the codec says.
  absl::StatusOr<EncodedImage> Encode(
      const HostImage& image, const OutputOptions& options) const override;

 private:
  Metrics& metrics_;
};

}  // namespace cascade
