#include "server/scheduler/admission.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"

namespace cascade {
namespace {

constexpr absl::Duration kShortestRetry = absl::Milliseconds(100);
constexpr absl::Duration kLongestRetry = absl::Seconds(30);

absl::Status TooManyImages(int image_count, int limit) {
  const std::string description =
      absl::StrCat(image_count, " is not in 1..", limit);
  absl::Status status =
      ErrorWithReason(absl::StatusCode::kInvalidArgument, kTooManyImages,
                      "image_count: " + description);
  SetFieldViolations(status, {{"image_count", description}});
  return status;
}

}  // namespace

absl::Status Admit(const AdmissionLimits& limits, const AdmissionLoad& load,
                   int image_count) {
  if (load.draining) {
    return ErrorWithReason(absl::StatusCode::kUnavailable, kDraining,
                           "the server is draining; try another replica");
  }
  if (image_count < 1 || image_count > limits.max_images_per_request) {
    return TooManyImages(image_count, limits.max_images_per_request);
  }
  if (load.queued_images + image_count <= limits.max_queued_images) {
    return absl::OkStatus();
  }
  absl::Status status = ErrorWithReason(
      absl::StatusCode::kResourceExhausted, kQueueFull,
      absl::StrCat("the queue is full: ", load.queued_images, " images wait, ",
                   image_count, " more do not fit into ",
                   limits.max_queued_images));
  SetRetryDelay(status,
                std::clamp(load.backlog, kShortestRetry, kLongestRetry));
  return status;
}

}  // namespace cascade
