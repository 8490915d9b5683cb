#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/job/picture_encoder.h"

namespace cascade {

// Gives pixels as they are, whatever the format. Refuses images without pixels,
// and all of them if told so. Thread-safe.
class PlainEncoder : public PictureEncoder {
 public:
  void RefuseAll() {
    MutexLock lock(mutex_);
    refuses_all_ = true;
  }

  absl::StatusOr<EncodedImage> Encode(
      const HostImage& image, const OutputOptions& options) const override {
    MutexLock lock(mutex_);
    if (image.pixels.empty() || refuses_all_) {
      return absl::InternalError("no pixels");
    }
    return EncodedImage{
        .format = options.format,
        .width = image.width,
        .height = image.height,
        .channels = image.channels,
        .bytes = std::string(image.pixels.begin(), image.pixels.end())};
  }

 private:
  mutable Mutex mutex_;
  bool refuses_all_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cascade
