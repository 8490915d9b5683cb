#include "server/scheduler/admission.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"
#include "server/scheduler/forecast_margin.h"

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

// A refusal that time heals.
absl::Status RetryLater(std::string_view reason, const std::string& message,
                        absl::Duration delay) {
  absl::Status status =
      ErrorWithReason(absl::StatusCode::kResourceExhausted, reason, message);
  SetRetryDelay(status, std::clamp(delay, kShortestRetry, kLongestRetry));
  return status;
}

std::string Rounded(absl::Duration time) {
  return absl::FormatDuration(absl::Trunc(time, absl::Milliseconds(1)));
}

}  // namespace

absl::Status Admit(const AdmissionLimits& limits, const AdmissionLoad& load,
                   int image_count) {
  if (load.draining) {
    return ErrorWithReason(absl::StatusCode::kUnavailable, kDraining,
                           "the server is draining; try another replica");
  }
  // What an empty server would refuse as well.
  const int max_images =
      std::min({limits.max_images_per_request, limits.max_queued_images,
                load.tenant_max_images});
  if (image_count < 1 || image_count > max_images) {
    return TooManyImages(image_count, max_images);
  }
  if (load.tenant_images + image_count > load.tenant_max_images) {
    return RetryLater(
        kTenantLimit,
        absl::StrCat("tenant '", load.tenant, "' has ", load.tenant_images,
                     " images in work, ", image_count,
                     " more do not fit into its ", load.tenant_max_images),
        load.backlog);
  }
  if (load.queued_images + image_count > limits.max_queued_images) {
    return RetryLater(
        kQueueFull,
        absl::StrCat("the queue is full: ", load.queued_images,
                     " images wait, ", image_count, " more do not fit into ",
                     limits.max_queued_images),
        load.backlog);
  }
  return absl::OkStatus();
}

absl::Status CheckDeadline(const TimeCheck& check) {
  if (check.unloaded > check.left) {
    return ErrorWithReason(
        absl::StatusCode::kDeadlineExceeded, kDeadlineUnreachable,
        absl::StrCat("takes ", Rounded(check.unloaded),
                     " on an idle server, and the deadline is in ",
                     Rounded(check.left)));
  }
  const absl::Duration total =
      WithMargin(check.unloaded, check.forecast, check.margin);
  if (total > check.left) {
    return RetryLater(
        kDeadlineAtRisk,
        absl::StrCat("may take ", Rounded(total), " at the present load (",
                     Rounded(check.unloaded),
                     " on an idle server), and the deadline is in ",
                     Rounded(check.left)),
        total - check.left);
  }
  if (check.delays_others && check.left < absl::InfiniteDuration()) {
    return RetryLater(
        kDeadlineAtRisk,
        absl::StrCat("a deadline in ", Rounded(check.left),
                     " would make others late that were admitted before"),
        check.forecast.total);
  }
  return absl::OkStatus();
}

}  // namespace cascade
