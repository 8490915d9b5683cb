#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "models/image_codec.h"
#include "server/rpc/state_checksum.h"
#include "tests/integration/connected_channel.h"
#include "tests/integration/scripted_server.h"
#include "tests/support/held_executor.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Response = v1::GenerateImageResponse;

// The state of an image that stopped after stage 0.
v1::StageState Draft(ScriptedServer& served, uint64_t seed = 42) {
  v1::GenerateImageRequest request = DigitRequest(seed);
  request.set_target_stage(0);
  request.set_return_stage_state(true);
  const Reply reply = Generate(served.Client(), request);
  EXPECT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(reply.problems, IsEmpty());
  const auto images = reply.Events(&Response::has_stage_image);
  return images.empty() ? v1::StageState() : images[0].stage_image().state();
}

v1::UpscaleImageRequest FromState(v1::StageState state) {
  v1::UpscaleImageRequest request;
  request.set_cascade("digits");
  *request.mutable_state() = std::move(state);
  return request;
}

v1::UpscaleImageRequest FromImage(int width, int height) {
  const size_t pixels =
      static_cast<size_t>(width) * static_cast<size_t>(height);
  const std::vector<uint8_t> png =
      *EncodePng({height, width, 1, std::vector<uint8_t>(pixels, 200)});
  v1::UpscaleImageRequest request;
  request.set_cascade("digits");
  request.set_class_id(7);
  request.set_seed(1);
  request.mutable_image()->set_data(png.data(), png.size());
  return request;
}

// A state that was changed by somebody who knows the format.
v1::StageState Signed(v1::StageState state) {
  state.set_checksum(StateChecksum(state));
  return state;
}

TEST(UpscaleImageTest, RunsTheStagesThatAStateLeaves) {
  ScriptedServer served;
  const v1::StageState state = Draft(served);
  const size_t steps_before = served.script().steps().size();
  const Reply reply = Upscale(served.Client(), FromState(state));
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(reply.problems, IsEmpty());
  const auto images = reply.Events(&Response::has_stage_image);
  ASSERT_THAT(images, SizeIs(2));
  for (size_t i = 0; i < images.size(); ++i) {
    const v1::StageImage& image = images[i].stage_image();
    EXPECT_EQ(image.stage(), static_cast<int>(i) + 1);
    EXPECT_EQ(image.image_seed(), 42u);
    EXPECT_EQ(static_cast<uint8_t>(image.image().data()[0]),
              ScriptedPixel(42, image.stage(), 4));
  }
  EXPECT_EQ(served.script().steps().size() - steps_before, 8u);
  const v1::GenerationRecord& record = reply.events.back().finished().record();
  EXPECT_EQ(record.class_id(), 7);
  EXPECT_EQ(record.seed(), 42u);
  ASSERT_EQ(record.stages_size(), 2);
  EXPECT_EQ(record.stages(0).stage(), 1);
}

TEST(UpscaleImageTest, TheEngineGetsTheFloatsOfTheState) {
  ScriptedServer served;
  v1::StageState state = Draft(served);
  const float value = 0.125f;
  for (size_t i = 0; i < state.values().size(); i += sizeof(value)) {
    state.mutable_values()->replace(
        i, sizeof(value), reinterpret_cast<const char*>(&value), sizeof(value));
  }
  const Reply reply = Upscale(served.Client(), FromState(Signed(state)));
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  const GenerationRequest request = served.generator().last_request();
  EXPECT_EQ(request.first_stage, 1);
  EXPECT_EQ(*request.input->ToHost(), std::vector<float>(3 * 64, value));
}

TEST(UpscaleImageTest, DrawsDifferentEnlargementsOfOneState) {
  ScriptedServer served;
  v1::UpscaleImageRequest request = FromState(Draft(served));
  request.set_image_count(3);
  request.mutable_output()->add_stages(2);
  const Reply reply = Upscale(served.Client(), request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(reply.problems, IsEmpty());
  EXPECT_THAT(reply.Events(&Response::has_stage_image), SizeIs(3));
  EXPECT_THAT(reply.events.back().finished().record().image_seeds(),
              ElementsAre(42, 43, 44));
}

TEST(UpscaleImageTest, StopsAndGoesOnAgain) {
  ScriptedServer served;
  v1::UpscaleImageRequest request = FromState(Draft(served));
  request.set_target_stage(1);
  request.set_return_stage_state(true);
  const Reply middle = Upscale(served.Client(), request);
  EXPECT_THAT(middle.problems, IsEmpty());
  const auto images = middle.Events(&Response::has_stage_image);
  ASSERT_THAT(images, SizeIs(1));
  const v1::StageState& state = images[0].stage_image().state();
  EXPECT_EQ(state.stage_digests_size(), 2);
  const Reply top = Upscale(served.Client(), FromState(state));
  EXPECT_TRUE(top.status.ok()) << top.status.message;
  EXPECT_THAT(top.problems, IsEmpty());
  EXPECT_EQ(top.Events(&Response::has_stage_image)[0].stage_image().stage(), 2);
}

TEST(UpscaleImageTest, EnlargesAnImageFromElsewhere) {
  ScriptedServer served;
  const Reply reply = Upscale(served.Client(), FromImage(16, 16));
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(reply.problems, IsEmpty());
  ASSERT_THAT(reply.Events(&Response::has_stage_image), SizeIs(1));
  const GenerationRequest request = served.generator().last_request();
  EXPECT_EQ(request.first_stage, 2);
  // Grey becomes colour, and 200 of 255 is 0.57 of -1..1.
  const std::vector<float> values = *request.input->ToHost();
  ASSERT_THAT(values, SizeIs(3 * 256));
  EXPECT_NEAR(values[0], 200 / 127.5 - 1, 1e-6);
}

TEST(UpscaleImageTest, ADamagedStateIsRefused) {
  ScriptedServer served;
  v1::StageState state = Draft(served);
  (*state.mutable_values())[100] ^= 1;
  const Reply reply = Upscale(served.Client(), FromState(state));
  EXPECT_EQ(reply.status.code, grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(reply.status.reason, "STATE_DAMAGED");
  EXPECT_TRUE(reply.events.empty());
  EXPECT_EQ(served.generator().submits(), 1);
}

TEST(UpscaleImageTest, AStateOfOtherWeightsIsRefused) {
  ScriptedServer served;
  v1::StageState state = Draft(served);
  state.set_stage_digests(0, std::string(32, '\x01'));
  const Reply reply = Upscale(served.Client(), FromState(Signed(state)));
  EXPECT_EQ(reply.status.code, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(reply.status.reason, "STATE_FOREIGN");
  ASSERT_THAT(reply.status.fields, SizeIs(1));
  EXPECT_THAT(reply.status.fields[0].description, HasSubstr("01010101"));
  EXPECT_THAT(reply.status.fields[0].description, HasSubstr("bbbbbbbb"));
}

TEST(UpscaleImageTest, AnImageOfTooManyPixelsIsRefused) {
  ScriptedServer::Options options;
  options.grpc.images.limits.max_upload_pixels = 255;
  ScriptedServer served(options);
  EXPECT_TRUE(Upscale(served.Client(), FromImage(8, 8)).status.ok());
  const Reply reply = Upscale(served.Client(), FromImage(16, 16));
  EXPECT_EQ(reply.status.code, grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_THAT(reply.status.fields, SizeIs(1));
  EXPECT_EQ(reply.status.fields[0].field, "image.data");
  EXPECT_THAT(reply.status.fields[0].description, HasSubstr("16 x 16"));
  v1::ListCascadesResponse listed;
  ASSERT_TRUE(served.Client().ListCascades({}, listed).ok());
  EXPECT_EQ(listed.server().max_upload_pixels(), 255);
}

TEST(UpscaleImageTest, AnImageOfAnotherSizeNeedsARule) {
  ScriptedServer served;
  v1::UpscaleImageRequest request = FromImage(20, 10);
  request.mutable_image()->set_first_stage(1);
  const Reply refused = Upscale(served.Client(), request);
  EXPECT_EQ(refused.status.code, grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_THAT(refused.status.fields, SizeIs(1));
  EXPECT_THAT(refused.status.fields[0].description,
              HasSubstr("20 x 10 where stage 1 takes 8 x 8"));
  request.mutable_image()->set_resize(v1::RESIZE_RULE_CENTER_CROP);
  EXPECT_TRUE(Upscale(served.Client(), request).status.ok());
}

TEST(UpscaleImageTest, ACallThatIsCancelledInTheMeantimeEndsCleanly) {
  HeldExecutor decoding;
  ScriptedServer::Options options;
  options.decoding = &decoding;
  ScriptedServer served(options);
  CancelToken cancel;
  ImageClient::CallOptions call;
  call.cancel = &cancel;
  Reply reply;
  std::thread client(
      [&] { reply = Upscale(served.Client(), FromImage(8, 8), call); });
  decoding.AwaitTask();
  cancel.Cancel();
  client.join();
  EXPECT_EQ(reply.status.code, grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(reply.events.empty());
  // The call lasts until it is decoded, whether the server has heard by then
  // that nobody waits or not.
  EXPECT_FALSE(served.server().WaitUntilNoStreams(absl::Now()));
  decoding.Release();
  EXPECT_TRUE(served.server().WaitUntilNoStreams(absl::InfiniteFuture()));
  served.Drain();
  served.script().AwaitNoSlots();
}

// What waits to be decoded is bounded, and in nobody else's way.
TEST(UpscaleImageTest, TooManyUploadsAreRefusedAtOnce) {
  HeldExecutor decoding;
  ScriptedServer::Options options;
  options.decoding = &decoding;
  ScriptedServer served(options);
  const auto stub = served.Stub();
  constexpr size_t kHeld = 64;
  std::vector<grpc::ClientContext> contexts(kHeld);
  std::vector<std::unique_ptr<grpc::ClientReader<v1::UpscaleImageResponse>>>
      readers;
  for (grpc::ClientContext& context : contexts) {
    readers.push_back(stub->UpscaleImage(&context, FromImage(8, 8)));
  }
  decoding.AwaitTasks(kHeld);
  grpc::ClientContext context;
  const auto reader = stub->UpscaleImage(&context, FromImage(8, 8));
  v1::UpscaleImageResponse response;
  EXPECT_FALSE(reader->Read(&response));
  const CallStatus status = ReadCallStatus(reader->Finish(), context);
  EXPECT_EQ(status.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.reason, "QUEUE_FULL");
  EXPECT_TRUE(status.retry_delay.has_value());
  EXPECT_TRUE(Generate(served.Client(), DigitRequest()).status.ok());
  decoding.Release();
  for (const auto& held : readers) {
    while (held->Read(&response)) continue;
    EXPECT_TRUE(held->Finish().ok());
  }
  // There is room again.
  std::thread client([&] {
    EXPECT_TRUE(Upscale(served.Client(), FromImage(8, 8)).status.ok());
  });
  decoding.AwaitTask();
  decoding.Release();
  client.join();
}

TEST(UpscaleImageTest, ADrainRefusesWhatIsStillDecoded) {
  HeldExecutor decoding;
  ScriptedServer::Options options;
  options.decoding = &decoding;
  ScriptedServer served(options);
  Reply reply;
  std::thread client([&] {
    // Without the retries of the client library, which would be held again.
    const auto stub = v1::ImageGenerationService::NewStub(
        ConnectedChannel(grpc::CreateChannel(
            served.address(), grpc::InsecureChannelCredentials())));
    grpc::ClientContext context;
    const auto reader = stub->UpscaleImage(&context, FromImage(8, 8));
    v1::UpscaleImageResponse response;
    EXPECT_FALSE(reader->Read(&response));
    reply.status = ReadCallStatus(reader->Finish(), context);
  });
  decoding.AwaitTask();
  served.Drain();
  decoding.Release();
  client.join();
  EXPECT_EQ(reply.status.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(reply.status.reason, "DRAINING");
}

}  // namespace
}  // namespace cascade
