#include "client/load_reply.h"

#include <gtest/gtest.h>

namespace cascade {
namespace {

TEST(LoadReplyTest, TheOutcomeOfACall) {
  using grpc::StatusCode;
  const auto outcome = [](StatusCode code, const std::string& reason,
                          bool admitted, bool to_be_cancelled) {
    CallStatus status;
    status.code = code;
    status.reason = reason;
    return OutcomeOf(status, admitted, to_be_cancelled);
  };
  EXPECT_EQ(outcome(StatusCode::OK, "", true, true), LoadOutcome::kOk);
  EXPECT_EQ(outcome(StatusCode::UNAVAILABLE, "DRAINING", false, false),
            LoadOutcome::kRefused);
  EXPECT_EQ(outcome(StatusCode::UNAVAILABLE, "", false, false),
            LoadOutcome::kFailed);
  EXPECT_EQ(outcome(StatusCode::UNAVAILABLE, "SHUT_DOWN", true, false),
            LoadOutcome::kFailed);
  EXPECT_EQ(outcome(StatusCode::DEADLINE_EXCEEDED, "DEADLINE_UNREACHABLE",
                    false, false),
            LoadOutcome::kRefused);
  EXPECT_EQ(
      outcome(StatusCode::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", true, false),
      LoadOutcome::kDeadlineMissed);
  EXPECT_EQ(outcome(StatusCode::DEADLINE_EXCEEDED, "", false, false),
            LoadOutcome::kDeadlineMissed);
  EXPECT_EQ(outcome(StatusCode::CANCELLED, "", true, true),
            LoadOutcome::kCancelled);
  EXPECT_EQ(outcome(StatusCode::CANCELLED, "", true, false),
            LoadOutcome::kFailed);
}

}  // namespace
}  // namespace cascade
