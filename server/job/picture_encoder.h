#pragma once

#include "absl/status/statusor.h"
#include "models/host_image.h"
#include "server/job/generation_request.h"
#include "server/job/job_event.h"

namespace cascade {

// Turns pixels into what the client asked for. Thread-safe.
class PictureEncoder {
 public:
  virtual ~PictureEncoder() = default;

  virtual absl::StatusOr<EncodedImage> Encode(
      const HostImage& image, const OutputOptions& options) const = 0;
};

}  // namespace cascade
