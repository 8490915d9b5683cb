#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Response = v1::GenerateImageResponse;

ScriptedServer::Options OneLane() {
  ScriptedServer::Options options;
  options.scheduler.num_lanes = 1;
  options.scheduler.tenants.named["acme"] = {.max_images = 2};
  return options;
}

// Once every call has ended.
std::vector<std::string> RequestLines(ScriptedServer& served) {
  EXPECT_TRUE(served.server().WaitUntilNoStreams(absl::InfiniteFuture()));
  return served.engine().LogLines("request_end");
}

ImageClient::CallOptions Named(const std::string& request_id) {
  ImageClient::CallOptions options;
  options.request_id = request_id;
  options.tenant = "acme";
  return options;
}

TEST(RequestLogTest, ARequestHasOneLineWithItsTimingsAndOutcome) {
  ScriptedServer served(OneLane());
  v1::GenerateImageRequest request = DigitRequest();
  request.set_image_count(2);
  const Reply reply = Generate(served.Client(), request, Named("abc-1"));
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_EQ(reply.status.request_id, "abc-1");
  int64_t bytes = 0;
  for (const Response& event : reply.events) {
    bytes += static_cast<int64_t>(event.ByteSizeLong());
  }
  // Three stages of four steps, of 1 ms each.
  EXPECT_THAT(
      RequestLines(served),
      ElementsAre(
          AllOf(HasSubstr(" level=info "), HasSubstr(" request_id=abc-1 "),
                HasSubstr(" method=GenerateImage "), HasSubstr(" outcome=OK "),
                HasSubstr(" duration="), HasSubstr(" cascade=digits "),
                HasSubstr(" tenant=acme "), HasSubstr(" images=2 "),
                HasSubstr(" queued="), HasSubstr(" total="),
                HasSubstr(" device=12ms "),
                HasSubstr(" bytes_sent=" + std::to_string(bytes) + " "),
                HasSubstr(" previews_sent=0 "),
                HasSubstr(" previews_dropped=0"), Not(HasSubstr(" reason=")))));
}

TEST(RequestLogTest, PreviewsAreCountedAsTheyAreSent) {
  ScriptedServer served(OneLane());
  v1::GenerateImageRequest request = DigitRequest();
  request.mutable_output()->set_preview_every_steps(1);
  const Reply reply = Generate(served.Client(), request);
  const size_t previews = reply.Events(&Response::has_preview).size();
  EXPECT_THAT(
      RequestLines(served),
      ElementsAre(AllOf(
          HasSubstr(" tenant=default "),
          HasSubstr(" previews_sent=" + std::to_string(previews) + " "),
          HasSubstr(" previews_dropped=" + std::to_string(9 - previews)))));
}

TEST(RequestLogTest, ARefusedCallGetsItsIdBackAndHasALine) {
  ScriptedServer served(OneLane());
  v1::GenerateImageRequest unknown = DigitRequest();
  unknown.set_cascade(std::string(1000, 'x'));
  const Reply reply = Generate(served.Client(), unknown, Named("abc-2"));
  EXPECT_EQ(reply.status.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(reply.status.request_id, "abc-2");
  EXPECT_THAT(
      RequestLines(served),
      ElementsAre(AllOf(
          HasSubstr(" request_id=abc-2 "), HasSubstr(" outcome=NOT_FOUND "),
          HasSubstr(" reason=CASCADE_NOT_FOUND "),
          HasSubstr(" cascade=" + std::string(64, 'x') + " "),
          HasSubstr(" tenant=acme "), Not(HasSubstr(" device=")))));
}

TEST(RequestLogTest, ACallThatTheEngineRefusesGetsItsIdBack) {
  ScriptedServer served(OneLane());
  v1::GenerateImageRequest request = DigitRequest();
  request.set_image_count(3);
  const Reply reply = Generate(served.Client(), request, Named("abc-3"));
  EXPECT_EQ(reply.status.reason, "TOO_MANY_IMAGES");
  EXPECT_EQ(reply.status.request_id, "abc-3");
  EXPECT_THAT(
      RequestLines(served),
      ElementsAre(AllOf(HasSubstr(" request_id=abc-3 "),
                        HasSubstr(" reason=TOO_MANY_IMAGES "),
                        HasSubstr(" cascade=digits "), HasSubstr(" images=3 "),
                        Not(HasSubstr(" total=")))));
}

TEST(RequestLogTest, ACancelledRequestTellsWhatItHasCost) {
  ScriptedServer served(OneLane());
  served.script().BlockSteps();
  served.script().AllowSteps(3);
  const auto stub = served.Stub();
  grpc::ClientContext context;
  const auto reader = stub->GenerateImage(&context, DigitRequest());
  Response response;
  ASSERT_TRUE(reader->Read(&response));
  served.script().AwaitSteps(4);
  context.TryCancel();
  while (reader->Read(&response)) {
  }
  reader->Finish();
  EXPECT_EQ(served.generator().AwaitCancel().code(),
            absl::StatusCode::kCancelled);
  EXPECT_THAT(RequestLines(served),
              ElementsAre(AllOf(HasSubstr(" outcome=CANCELLED "),
                                HasSubstr(" tenant=default "),
                                HasSubstr(" device=3ms "))));
}

TEST(RequestLogTest, AFaultOfOursIsAnError) {
  ScriptedServer served(OneLane());
  served.script().FailNextStep(0, absl::InternalError("the device coughed"));
  EXPECT_FALSE(Generate(served.Client(), DigitRequest()).status.ok());
  EXPECT_THAT(RequestLines(served),
              ElementsAre(AllOf(HasSubstr(" level=error "),
                                HasSubstr(" outcome=INTERNAL "),
                                HasSubstr("the device coughed"))));
}

TEST(RequestLogTest, OtherCallsHaveALineAndHealthChecksHaveNone) {
  ScriptedServer served(OneLane());
  grpc::health::v1::HealthCheckResponse health;
  EXPECT_TRUE(served.Client().CheckHealth("", {}, health).ok());
  EXPECT_THAT(RequestLines(served), IsEmpty());
  v1::ListCascadesResponse cascades;
  EXPECT_TRUE(served.Client().ListCascades({}, cascades).ok());
  EXPECT_THAT(RequestLines(served),
              ElementsAre(AllOf(HasSubstr(" method=ListCascades "),
                                HasSubstr(" outcome=OK "),
                                Not(HasSubstr(" cascade=")))));
}

}  // namespace
}  // namespace cascade
