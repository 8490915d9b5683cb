#pragma once

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/error_reason.h"

namespace cascade {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

// A Status or StatusOr that is OK.
MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return arg.ok();
}

// A Status or StatusOr with this code.
MATCHER_P(HasCode, code, "has code " + absl::StatusCodeToString(code)) {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code;
}

// A Status or StatusOr with this code and error_reason.h's reason.
MATCHER_P2(HasReason, code, reason, "") {
  *result_listener << StatusOf(arg).ToString() << " with reason "
                   << ErrorReason(StatusOf(arg));
  return StatusOf(arg).code() == code && ErrorReason(StatusOf(arg)) == reason;
}

#define EXPECT_OK(expression) EXPECT_THAT(expression, ::cascade::IsOk())
#define ASSERT_OK(expression) ASSERT_THAT(expression, ::cascade::IsOk())

}  // namespace cascade
