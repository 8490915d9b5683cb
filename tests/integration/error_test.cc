#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

using Response = v1::GenerateImageResponse;

TEST(ErrorTest, AnUnknownCascadeIsNotFoundAndTheKnownOnesAreTold) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  request.set_cascade("letters");
  const Reply reply = Generate(served.Client(), request);
  EXPECT_EQ(reply.status.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(reply.status.reason, "CASCADE_NOT_FOUND");
  EXPECT_THAT(reply.status.message, HasSubstr("'letters'"));
  EXPECT_THAT(reply.status.message, HasSubstr("digits"));
  EXPECT_FALSE(reply.status.request_id.empty());
}

TEST(ErrorTest, AMissingCascadeIsAFieldThatIsWrong) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  request.clear_cascade();
  const Reply reply = Generate(served.Client(), request);
  EXPECT_EQ(reply.status.code, grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_THAT(reply.status.fields, SizeIs(1));
  EXPECT_EQ(reply.status.fields[0].field, "cascade");
}

TEST(ErrorTest, EveryWrongFieldIsTold) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  request.set_image_count(0);
  request.add_stages()->mutable_sampler()->set_steps(0);
  request.mutable_output()->set_preview_every_steps(-1);
  const Reply reply = Generate(served.Client(), request);
  EXPECT_EQ(reply.status.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(reply.status.reason, "INVALID_FIELD");
  EXPECT_THAT(reply.status.fields, SizeIs(3));
  EXPECT_EQ(served.generator().submits(), 0);
}

TEST(ErrorTest, AFieldThatIsNotHonouredIsRefused) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  // Of a later version of the API.
  v1::StageOptions& stage = *request.add_stages();
  stage.GetReflection()->MutableUnknownFields(&stage)->AddVarint(99, 1);
  const Reply reply = Generate(served.Client(), request);
  EXPECT_EQ(reply.status.code, grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(reply.status.reason, "FIELD_UNIMPLEMENTED");
  ASSERT_THAT(reply.status.fields, SizeIs(1));
  EXPECT_EQ(reply.status.fields[0].field, "stages[0].99");
}

TEST(ErrorTest, ATenantThatIsNoNameIsRefused) {
  ScriptedServer served;
  ImageClient::CallOptions options;
  options.tenant = std::string(65, 'x');
  for (const Reply& reply : {Generate(served.Client(), DigitRequest(), options),
                             Upscale(served.Client(), {}, options)}) {
    EXPECT_EQ(reply.status.code, grpc::StatusCode::INVALID_ARGUMENT);
    ASSERT_THAT(reply.status.fields, SizeIs(1));
    EXPECT_EQ(reply.status.fields[0].field, "x-cascade-tenant");
  }
  EXPECT_EQ(served.generator().submits(), 0);
}

TEST(ErrorTest, ACascadeThatIsReplacedForeverIsToldSo) {
  ScriptedServer served;
  served.generator().ReplaceCascade(1000);
  const Reply reply = Generate(served.Client(), DigitRequest());
  EXPECT_EQ(reply.status.code, grpc::StatusCode::ABORTED);
  EXPECT_EQ(reply.status.reason, "CASCADE_REPLACED");
  EXPECT_EQ(served.generator().submits(), 4);
}

TEST(ErrorTest, ATimeBudgetThatIsSpentOnArrivalIsRefused) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  request.mutable_time_budget()->set_nanos(1);
  const Reply reply = Generate(served.Client(), request);
  EXPECT_EQ(reply.status.code, grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_FALSE(reply.status.retry_delay.has_value());
  EXPECT_TRUE(reply.events.empty());
}

TEST(ErrorTest, AStepThatFailsEndsItsRequestAlone) {
  ScriptedServer served;
  served.script().FailNextStep(1, absl::InternalError("the device coughed"));
  const Reply failed = Generate(served.Client(), DigitRequest());
  EXPECT_EQ(failed.status.code, grpc::StatusCode::INTERNAL);
  EXPECT_EQ(failed.status.reason, "STEP_FAILED");
  EXPECT_THAT(failed.Events(&Response::has_stage_image), SizeIs(1));
  EXPECT_THAT(failed.Events(&Response::has_finished), SizeIs(0));
  const Reply next = Generate(served.Client(), DigitRequest());
  EXPECT_TRUE(next.status.ok()) << next.status.message;
  served.script().AwaitNoSlots();
}

TEST(ErrorTest, AnImageThatIsNotFiniteEndsItsRequest) {
  ScriptedServer served;
  served.script().MakeNotFinite(42, 1);
  const Reply reply = Generate(served.Client(), DigitRequest(42));
  EXPECT_EQ(reply.status.code, grpc::StatusCode::INTERNAL);
  EXPECT_EQ(reply.status.reason, "NOT_FINITE");
  served.script().AwaitNoSlots();
}

TEST(ErrorTest, AStepThatDoesNotFitIntoTheDeviceEndsItsRequest) {
  ScriptedServer served;
  served.script().SetMemoryRows(0);
  const Reply reply = Generate(served.Client(), DigitRequest());
  EXPECT_EQ(reply.status.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(reply.status.reason, "DEVICE_MEMORY");
  served.script().AwaitNoSlots();
}

TEST(ErrorTest, AnImageThatCannotBeEncodedEndsItsRequest) {
  ScriptedServer served;
  served.encoder().RefuseAll();
  const Reply reply = Generate(served.Client(), DigitRequest());
  EXPECT_EQ(reply.status.code, grpc::StatusCode::INTERNAL);
  EXPECT_EQ(reply.status.reason, "ENCODE_FAILED");
  served.Drain();
  served.script().AwaitNoSlots();
}

TEST(ErrorTest, ErrorsOfManyLongFieldsFitIntoHeaders) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  for (int stage = 0; stage < 3; ++stage) {
    v1::StageOptions& options = *request.add_stages();
    options.set_stage(stage);
    options.mutable_sampler()->set_kind(static_cast<v1::SamplerKind>(99));
    options.mutable_sampler()->set_steps(0);
    options.mutable_sampler()->set_eta(2);
    options.mutable_guidance()->set_scale(-1);
    options.mutable_guidance()->set_interval_begin(-1);
  }
  const Reply reply = Generate(served.Client(), request);
  EXPECT_EQ(reply.status.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(reply.status.fields, SizeIs(12));
}

TEST(ErrorTest, AMessageBeyondTheLimitIsRefused) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  request.set_class_name(std::string(5 << 20, 'x'));
  const Reply reply = Generate(served.Client(), request);
  EXPECT_EQ(reply.status.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(served.generator().submits(), 0);
}

}  // namespace
}  // namespace cascade
