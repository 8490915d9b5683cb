#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "models/image_codec.h"
#include "tests/integration/connected_channel.h"
#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using Response = v1::GenerateImageResponse;

// From an image of 8 x 8 pixels.
v1::UpscaleImageRequest UpscaleRequest() {
  const std::vector<uint8_t> png =
      *EncodePng({8, 8, 1, std::vector<uint8_t>(64)});
  v1::UpscaleImageRequest request;
  request.set_cascade("digits");
  request.set_class_id(7);
  request.mutable_image()->set_data(png.data(), png.size());
  return request;
}

// One image runs and one may wait.
ScriptedServer::Options Narrow() {
  ScriptedServer::Options options;
  options.scheduler.num_lanes = 1;
  options.scheduler.inbox_capacity = 1;
  options.max_queued_images = 1;
  options.scheduler.max_images_per_request = 1;
  return options;
}

// A server whose queue is full as long as its steps are blocked.
class FullServer {
 public:
  FullServer() : served(Narrow()), stub_(served.Stub()) {
    served.script().BlockSteps();
    running_ = stub_->GenerateImage(&running_context_, DigitRequest(1));
    Response response;
    // Begun, so that it is not in the queue.
    while (running_->Read(&response) && !response.has_stage_started()) {
    }
    waiting_ = stub_->GenerateImage(&waiting_context_, DigitRequest(2));
    waiting_->Read(&response);
  }
  ~FullServer() {
    running_context_.TryCancel();
    waiting_context_.TryCancel();
    running_->Finish();
    waiting_->Finish();
  }

  ScriptedServer served;

 private:
  const std::unique_ptr<v1::ImageGenerationService::Stub> stub_;
  grpc::ClientContext running_context_;
  grpc::ClientContext waiting_context_;
  std::unique_ptr<grpc::ClientReader<Response>> running_;
  std::unique_ptr<grpc::ClientReader<Response>> waiting_;
};

TEST(OverloadTest, AFullQueueRefusesAndSaysWhenToRetry) {
  FullServer full;
  const Reply reply = Generate(full.served.Client(), DigitRequest(3));
  EXPECT_EQ(reply.status.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(reply.status.reason, "QUEUE_FULL");
  ASSERT_TRUE(reply.status.retry_delay.has_value());
  EXPECT_GT(*reply.status.retry_delay, absl::ZeroDuration());
  EXPECT_TRUE(reply.events.empty());
}

TEST(OverloadTest, ARefusalComesBeforeHeadersSoThatRetriesApply) {
  FullServer full;
  // Headers would commit the call, and gRPC would not repeat it.
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(R"({"methodConfig": [{
      "name": [{"service": "cascade.v1.ImageGenerationService"}],
      "retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.01s",
                      "maxBackoff": "0.01s", "backoffMultiplier": 1,
                      "retryableStatusCodes": ["RESOURCE_EXHAUSTED"]}}]})");
  const int before = full.served.generator().submits();
  const Reply reply =
      Generate(ImageClient(ConnectedChannel(grpc::CreateCustomChannel(
                   full.served.address(), grpc::InsecureChannelCredentials(),
                   arguments))),
               DigitRequest(3));
  EXPECT_EQ(reply.status.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(full.served.generator().submits() - before, 3);
}

TEST(OverloadTest, ARefusalIsToldInTheTrailersOnly) {
  FullServer full;
  const auto stub = full.served.Stub();
  grpc::ClientContext context;
  const auto reader = stub->GenerateImage(&context, DigitRequest(3));
  Response response;
  EXPECT_FALSE(reader->Read(&response));
  reader->Finish();
  EXPECT_TRUE(context.GetServerInitialMetadata().empty());
  const auto& trailers = context.GetServerTrailingMetadata();
  EXPECT_TRUE(trailers.contains("x-request-id"));
  EXPECT_TRUE(trailers.contains("grpc-retry-pushback-ms"));
}

TEST(OverloadTest, UpscaleImageIsRefusedInTheTrailersOnlyToo) {
  FullServer full;
  const auto stub = full.served.Stub();
  grpc::ClientContext context;
  const auto reader = stub->UpscaleImage(&context, UpscaleRequest());
  v1::UpscaleImageResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(context.GetServerInitialMetadata().empty());
  const auto& trailers = context.GetServerTrailingMetadata();
  EXPECT_TRUE(trailers.contains("x-request-id"));
  EXPECT_TRUE(trailers.contains("grpc-retry-pushback-ms"));
}

TEST(OverloadTest, AnUploadIsNotLookedAtWhenThereIsNoRoomForIt) {
  FullServer full;
  v1::UpscaleImageRequest request = UpscaleRequest();
  request.mutable_image()->set_data("no image at all");
  EXPECT_EQ(Upscale(full.served.Client(), request).status.reason, "QUEUE_FULL");
}

TEST(OverloadTest, ServesAgainWhenThereIsRoom) {
  FullServer full;
  EXPECT_FALSE(Generate(full.served.Client(), DigitRequest(3)).status.ok());
  full.served.script().UnblockSteps();
  // Its place is free when the waiting one has begun; until then it is told to
  // come again.
  Reply reply;
  do {
    reply = Generate(full.served.Client(), DigitRequest(3));
  } while (reply.status.reason == "QUEUE_FULL");
  EXPECT_TRUE(reply.status.ok()) << reply.status.message;
}

}  // namespace
}  // namespace cascade
