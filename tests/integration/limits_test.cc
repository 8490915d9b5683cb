#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;

TEST(LimitsTest, AMessageThatIsTooLongIsRefusedWithBothSizes) {
  ScriptedServer::Options options;
  options.grpc.max_receive_message_bytes = 2000;
  ScriptedServer served(options);
  v1::GenerateImageRequest request = DigitRequest();
  EXPECT_TRUE(Generate(served.Client(), request).status.ok());
  request.set_class_name(std::string(3000, 'x'));
  const CallStatus status = Generate(served.Client(), request).status;
  EXPECT_EQ(status.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.message, HasSubstr("vs. 2000"));
}

TEST(LimitsTest, CallsBeyondTheStreamsOfAConnectionWaitForTheirTurn) {
  ScriptedServer::Options options;
  options.grpc.max_concurrent_streams = 2;
  ScriptedServer served(options);
  served.script().BlockSteps();
  ChannelOptions own;
  own.own_connection = true;
  const auto connection = MakeChannel(served.address(), own);
  std::vector<Reply> replies(4);
  std::vector<std::thread> calls;
  for (size_t i = 0; i < 3; ++i) {
    calls.emplace_back([&, i] {
      replies[i] = Generate(ImageClient(connection), DigitRequest(i));
    });
  }
  served.generator().AwaitSubmits(2);
  // Another connection has streams of its own.
  calls.emplace_back(
      [&] { replies[3] = Generate(served.Client(), DigitRequest(3)); });
  served.generator().AwaitSubmits(3);
  EXPECT_EQ(served.generator().submits(), 3);
  served.script().UnblockSteps();
  for (std::thread& call : calls) call.join();
  for (const Reply& reply : replies) EXPECT_TRUE(reply.status.ok());
  EXPECT_EQ(served.generator().submits(), 4);
}

TEST(LimitsTest, TooManyImagesAreRefusedByField) {
  ScriptedServer::Options options;
  options.grpc.images.limits.max_image_count = 4;
  ScriptedServer served(options);
  v1::GenerateImageRequest request = DigitRequest();
  request.set_image_count(4);
  EXPECT_TRUE(Generate(served.Client(), request).status.ok());
  request.set_image_count(5);
  const CallStatus status = Generate(served.Client(), request).status;
  EXPECT_EQ(status.code, grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_EQ(status.fields.size(), 1u);
  EXPECT_EQ(status.fields[0].field, "image_count");
  EXPECT_THAT(status.fields[0].description, HasSubstr("5 is not in 1..4"));
}

TEST(LimitsTest, ATenantHasOnlySoManyImages) {
  ScriptedServer::Options options;
  options.scheduler.tenants.named["acme"].max_images = 2;
  ScriptedServer served(options);
  served.script().BlockSteps();
  v1::GenerateImageRequest request = DigitRequest();
  request.set_image_count(2);
  ImageClient::CallOptions acme;
  acme.tenant = "acme";
  Reply first;
  std::thread call([&] { first = Generate(served.Client(), request, acme); });
  served.generator().AwaitSubmits(1);

  const CallStatus status =
      Generate(served.Client(), DigitRequest(), acme).status;
  EXPECT_EQ(status.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.reason, "TENANT_LIMIT");
  served.script().UnblockSteps();
  EXPECT_TRUE(Generate(served.Client(), DigitRequest()).status.ok());
  call.join();
  EXPECT_TRUE(first.status.ok()) << first.status.message;
  // Its place is free again.
  EXPECT_TRUE(Generate(served.Client(), request, acme).status.ok());
}

}  // namespace
}  // namespace cascade
