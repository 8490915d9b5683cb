#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Response = v1::GenerateImageResponse;

// Raw 512x512: what does not fit into HTTP/2's windows.
ScriptedServer::Options LargeImages() {
  ScriptedServer::Options options;
  options.stages = {{.resolution = 256}, {.resolution = 512}};
  return options;
}

v1::GenerateImageRequest LargeRequest(uint64_t seed) {
  v1::GenerateImageRequest request = DigitRequest(seed);
  request.set_image_count(4);
  request.add_stages()->mutable_sampler()->set_steps(50);
  request.mutable_output()->set_format(v1::IMAGE_FORMAT_RAW);
  request.mutable_output()->set_preview_every_steps(1);
  return request;
}

TEST(SlowReaderTest, LosesPreviewsAndNothingElseAndSlowsNobody) {
  ScriptedServer served(LargeImages());
  const auto stub = served.Stub();
  grpc::ClientContext context;
  const v1::GenerateImageRequest request = LargeRequest(1);
  const auto reader = stub->GenerateImage(&context, request);
  ReplyCheck check(request);
  Response response;
  ASSERT_TRUE(reader->Read(&response));  // `queued`, and then it sleeps.
  check.Add(response);

  for (uint64_t seed = 10; seed < 14; ++seed) {
    const Reply other = Generate(served.Client(), LargeRequest(seed));
    ASSERT_TRUE(other.status.ok()) << other.status.message;
    EXPECT_THAT(other.problems, IsEmpty());
  }
  // Its own job ends too, with nobody reading.
  served.Drain();
  served.script().AwaitNoSlots();

  int64_t previews = 0;
  int images = 0;
  int64_t dropped = 0;
  while (reader->Read(&response)) {
    check.Add(response);
    if (response.has_preview()) ++previews;
    if (response.has_stage_image()) ++images;
    if (response.has_finished())
      dropped = response.finished().previews_dropped();
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_THAT(check.Problems(/*ended=*/true), IsEmpty());
  EXPECT_EQ(images, 4 * 2);
  EXPECT_GT(dropped, 0);
  EXPECT_EQ(previews + dropped, 4 * 2 * 49);
}

TEST(SlowReaderTest, AStalledReaderIsCutOffAlone) {
  ScriptedServer::Options options = LargeImages();
  options.reader_stall_timeout = absl::Milliseconds(300);
  ScriptedServer served(options);
  const auto stub = served.Stub();
  grpc::ClientContext context;
  const auto reader = stub->GenerateImage(&context, LargeRequest(1));
  EXPECT_EQ(served.generator().AwaitCancel().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(served.metrics().Text(),
              HasSubstr("cascade_reader_stalls_total 1"));

  const Reply other = Generate(served.Client(), DigitRequest(2));
  EXPECT_TRUE(other.status.ok()) << other.status.message;
  EXPECT_THAT(other.problems, IsEmpty());

  Response response;
  bool finished = false;
  while (reader->Read(&response)) finished |= response.has_finished();
  // Its stream is dropped, and no status of ours can overtake what it holds.
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_FALSE(finished);
  served.Drain();
  served.script().AwaitNoSlots();
}

// A reader that wakes up after the server has decided to cut it off, and before
// gRPC hears of that. Whether its write ended in between: if gRPC had queued
// its own work behind the callback that is held, nothing could be read.
bool WakesUpWhileItIsCutOff() {
  ScriptedServer::Options options;
  options.stages = {{.resolution = 2048}};  // One picture fills any window.
  options.reader_stall_timeout = absl::Milliseconds(300);
  ScriptedServer served(options);
  served.generator().HoldNextCancel(absl::Seconds(3));
  const auto stub = served.Stub();
  grpc::ClientContext context;
  v1::GenerateImageRequest request = DigitRequest();
  request.mutable_output()->set_format(v1::IMAGE_FORMAT_RAW);
  request.mutable_output()->set_preview_every_steps(1);
  const auto reader = stub->GenerateImage(&context, request);
  EXPECT_EQ(served.generator().AwaitCancel().code(),
            absl::StatusCode::kResourceExhausted);
  // The write that stalls is the first picture's.
  Response response;
  bool is_read = false;
  while (!is_read && reader->Read(&response)) is_read = response.has_preview();
  const std::string active = "cascade_rpcs_active{method=\"GenerateImage\"} ";
  const std::string metrics = served.metrics().Text();
  const bool is_held = served.generator().ReleaseCancel();
  if (is_read && is_held) {
    EXPECT_THAT(metrics, HasSubstr(active + "1"));
  }
  while (reader->Read(&response)) {
  }
  EXPECT_FALSE(reader->Finish().ok());
  EXPECT_TRUE(served.server().WaitUntilNoStreams(absl::InfiniteFuture()));
  EXPECT_THAT(served.metrics().Text(), HasSubstr(active + "0"));
  return is_read && is_held;
}

// The write may end between the decision to cut its reader off and the word to
// gRPC: the call has to be there for that word.
TEST(SlowReaderTest, AReaderThatWakesUpWhileItIsCutOffIsCutOff) {
  int attempts = 1;
  while (!WakesUpWhileItIsCutOff() && attempts < 20) ++attempts;
  EXPECT_LT(attempts, 20);
}

}  // namespace
}  // namespace cascade
