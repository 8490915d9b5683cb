#include "client/call_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/event_json.h"
#include "client/exit_code.h"

namespace cascade {
namespace {

using ::grpc::StatusCode;
using ::testing::HasSubstr;
using ::testing::Not;

CallStatus Error(StatusCode code, const std::string& reason = "") {
  CallStatus status;
  status.code = code;
  status.reason = reason;
  return status;
}

CallStatus Refused() {
  CallStatus status;
  status.code = grpc::StatusCode::INVALID_ARGUMENT;
  status.message = "stages[0].sampler.steps: 0 is not in 1..1000";
  status.reason = "INVALID_FIELD";
  status.fields = {{"stages[0].sampler.steps", "0 is not in 1..1000"}};
  status.request_id = "abc";
  return status;
}

TEST(CallStatusTest, ExplainsWithTheFieldNamed) {
  const std::string text = Explain(Refused());
  EXPECT_THAT(text, HasSubstr("refused the request"));
  EXPECT_THAT(text, HasSubstr("stages[0].sampler.steps: 0 is not in 1..1000"));
  EXPECT_THAT(text, HasSubstr("request id abc"));
}

TEST(CallStatusTest, SaysWhenToTryAgain) {
  CallStatus status;
  status.code = grpc::StatusCode::RESOURCE_EXHAUSTED;
  status.retry_delay = absl::Milliseconds(1500);
  EXPECT_THAT(Explain(status), HasSubstr("try again in 1.5s"));
}

TEST(CallStatusTest, KeepsControlCharactersOffTheTerminal) {
  CallStatus status;
  status.code = grpc::StatusCode::INTERNAL;
  status.message = "a\x1b[2Jb";
  EXPECT_THAT(Explain(status), Not(HasSubstr("\x1b")));
}

TEST(CallStatusTest, IsJsonForScripts) {
  const auto json = ToJson(Refused());
  EXPECT_EQ(json["event"], "error");
  EXPECT_EQ(json["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(json["fields"][0]["field"], "stages[0].sampler.steps");
}

TEST(CallStatusTest, TheReasonMakesTheHeadline) {
  EXPECT_THAT(Explain(Error(StatusCode::DATA_LOSS, "STATE_DAMAGED")),
              HasSubstr("the given stage state is damaged"));
  EXPECT_THAT(Explain(Error(StatusCode::FAILED_PRECONDITION, "STATE_FOREIGN")),
              HasSubstr("the given stage state is from other weights"));
  EXPECT_THAT(Explain(Error(StatusCode::ABORTED, "CASCADE_REPLACED")),
              HasSubstr("the cascade is being replaced"));
  EXPECT_THAT(
      Explain(Error(StatusCode::DEADLINE_EXCEEDED, "DEADLINE_UNREACHABLE")),
      HasSubstr("it takes longer than the deadline"));
}

TEST(CallStatusTest, WhatIsNotAboutAStateDoesNotSpeakOfOne) {
  for (const StatusCode code :
       {StatusCode::DATA_LOSS, StatusCode::FAILED_PRECONDITION}) {
    EXPECT_THAT(Explain(Error(code, CodeName(code))),
                Not(HasSubstr("stage state")));
  }
  EXPECT_THAT(Explain(Error(StatusCode::ABORTED, "OPERATION_RUNNING")),
              Not(HasSubstr("replaced")));
}

TEST(CallStatusTest, OnlyWhatTimeHealsIsBusy) {
  CallStatus busy = Error(StatusCode::RESOURCE_EXHAUSTED, "QUEUE_FULL");
  busy.retry_delay = absl::Seconds(1);
  EXPECT_THAT(Explain(busy), HasSubstr("the server is busy"));
  EXPECT_EQ(ExitCodeOf(busy), kExitBusy);
  // A package beside which there is no memory.
  const CallStatus full =
      Error(StatusCode::RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED");
  EXPECT_THAT(Explain(full), HasSubstr("there is no room for it"));
  EXPECT_EQ(ExitCodeOf(full), kExitRefused);
  // gRPC's own.
  const CallStatus large = Error(StatusCode::RESOURCE_EXHAUSTED, "");
  EXPECT_THAT(Explain(large), HasSubstr("a message is too large"));
  EXPECT_EQ(ExitCodeOf(large), kExitRefused);
}

TEST(CallStatusTest, HasAnExitCodeForEachKindOfError) {
  EXPECT_EQ(ExitCodeOf(Error(StatusCode::OK)), 0);
  EXPECT_EQ(ExitCodeOf(Error(StatusCode::INTERNAL)), 1);
  EXPECT_EQ(ExitCodeOf(Error(StatusCode::NOT_FOUND)), 3);
  EXPECT_EQ(ExitCodeOf(Error(StatusCode::UNAVAILABLE)), 4);
  EXPECT_EQ(ExitCodeOf(Error(StatusCode::DEADLINE_EXCEEDED)), 5);
}

TEST(CallStatusTest, ACallThatTheServerCancelledWasNotInterrupted) {
  EXPECT_EQ(ExitCodeOf(Error(StatusCode::CANCELLED)), kExitFailed);
}

}  // namespace
}  // namespace cascade
