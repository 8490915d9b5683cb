#include "client/call_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/event_json.h"
#include "client/exit_code.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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

TEST(CallStatusTest, HasAnExitCodeForEachKindOfError) {
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::OK), 0);
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::INTERNAL), 1);
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::NOT_FOUND), 3);
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::UNAVAILABLE), 4);
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::DEADLINE_EXCEEDED), 5);
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::CANCELLED), 130);
}

}  // namespace
}  // namespace cascade
