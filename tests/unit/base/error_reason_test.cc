#include "server/base/error_reason.h"

#include <gtest/gtest.h>

namespace cascade {
namespace {

TEST(ErrorReasonTest, TravelsWithAStatus) {
  absl::Status status =
      ErrorWithReason(absl::StatusCode::kResourceExhausted, kQueueFull, "full");
  SetRetryDelay(status, absl::Milliseconds(1500));
  SetFieldViolations(status, {{"a.b", "is \xff odd"}, {"c", ""}});
  EXPECT_EQ(status.message(), "full");
  EXPECT_EQ(ErrorReason(status), kQueueFull);
  EXPECT_EQ(RetryDelay(status), absl::Milliseconds(1500));
  const std::vector<FieldViolation> violations = FieldViolations(status);
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[0].field, "a.b");
  EXPECT_EQ(violations[0].description, "is \xff odd");
  EXPECT_EQ(violations[1].field, "c");
}

TEST(ErrorReasonTest, IsEmptyWhereNoneWasSet) {
  EXPECT_EQ(ErrorReason(absl::InternalError("x")), "");
  EXPECT_EQ(RetryDelay(absl::InternalError("x")), std::nullopt);
  EXPECT_TRUE(FieldViolations(absl::OkStatus()).empty());
}

}  // namespace
}  // namespace cascade
