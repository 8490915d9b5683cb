#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using ::testing::IsEmpty;

TEST(DrainTest, AdmittedRequestsFinishAndNewOnesAreRefused) {
  ScriptedServer::Options options;
  options.scheduler.num_lanes = 1;
  options.scheduler.inbox_capacity = 1;
  ScriptedServer served(options);
  served.script().BlockSteps();
  Reply running;
  Reply queued;
  std::thread first(
      [&] { running = Generate(served.Client(), DigitRequest(1)); });
  served.generator().AwaitSubmits(1);
  std::thread second(
      [&] { queued = Generate(served.Client(), DigitRequest(2)); });
  served.generator().AwaitSubmits(2);

  served.server().SetServing(false);
  served.scheduler().Drain();
  const Reply refused = Generate(served.Client(), DigitRequest(3));
  EXPECT_EQ(refused.status.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(refused.status.reason, "DRAINING");
  EXPECT_TRUE(refused.events.empty());
  // The client library repeats what no server has begun.
  EXPECT_EQ(served.generator().submits(), 2 + 4);

  served.script().UnblockSteps();
  first.join();
  second.join();
  for (const Reply* reply : {&running, &queued}) {
    EXPECT_TRUE(reply->status.ok()) << reply->status.message;
    EXPECT_THAT(reply->problems, IsEmpty());
  }
}

TEST(DrainTest, AReaderThatIsBehindIsWaitedFor) {
  ScriptedServer::Options options;
  options.stages = {{.resolution = 256}, {.resolution = 1024}};
  ScriptedServer served(options);
  v1::GenerateImageRequest request = DigitRequest();
  // Far more than the connection takes before anybody reads.
  request.set_image_count(8);
  request.mutable_output()->set_format(v1::IMAGE_FORMAT_RAW);
  const auto stub = served.Stub();
  grpc::ClientContext context;
  const auto reader = stub->GenerateImage(&context, request);
  v1::GenerateImageResponse response;
  ASSERT_TRUE(reader->Read(&response));  // `queued`, and then it sleeps.
  served.Drain();
  EXPECT_FALSE(served.server().WaitUntilNoStreams(absl::Now()));
  bool finished = false;
  while (reader->Read(&response)) finished |= response.has_finished();
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_TRUE(finished);
  EXPECT_TRUE(served.server().WaitUntilNoStreams(absl::InfiniteFuture()));
}

TEST(DrainTest, WhatOutlastsTheDrainIsToldSo) {
  ScriptedServer served;
  served.script().BlockSteps();
  Reply reply;
  std::thread call([&] { reply = Generate(served.Client(), DigitRequest()); });
  served.generator().AwaitSubmits(1);
  served.scheduler().Drain();
  served.scheduler().Shutdown();
  served.script().UnblockSteps();
  call.join();
  EXPECT_EQ(reply.status.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(reply.status.reason, "SHUT_DOWN");
}

TEST(DrainTest, TheServerStopsTwice) {
  ScriptedServer served;
  served.server().Shutdown(absl::Now());
  served.server().Shutdown(absl::Now());
}

}  // namespace
}  // namespace cascade
