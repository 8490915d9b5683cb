#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using Response = v1::GenerateImageResponse;

// A call under way, read event by event.
class OpenCall {
 public:
  OpenCall(ScriptedServer& served, const v1::GenerateImageRequest& request)
      : stub_(served.Stub()),
        reader_(stub_->GenerateImage(&context_, request)) {}

  // Blocks until an event of the kind comes; false at the end of the stream.
  bool ReadUntil(bool (Response::*is_kind)() const) {
    while (reader_->Read(&response_)) {
      if ((response_.*is_kind)()) return true;
    }
    return false;
  }
  // Blocks until the given stage begins.
  bool ReadUntilStage(int stage) {
    while (ReadUntil(&Response::has_stage_started)) {
      if (response_.stage_started().stage() == stage) return true;
    }
    return false;
  }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish() {
    while (reader_->Read(&response_)) {
    }
    return reader_->Finish();
  }
  // The client is gone, without a word.
  void Drop() {
    Cancel();
    Finish();
  }

 private:
  const std::unique_ptr<v1::ImageGenerationService::Stub> stub_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReader<Response>> reader_;
  Response response_;
};

ScriptedServer::Options OneLane() {
  ScriptedServer::Options options;
  options.scheduler.num_lanes = 1;
  return options;
}

class CancelInStageTest : public ::testing::TestWithParam<int> {};

TEST_P(CancelInStageTest, NoFurtherStepIsSubmitted) {
  const int stage = GetParam();
  ScriptedServer served(OneLane());
  served.script().BlockSteps();
  OpenCall call(served, DigitRequest());
  // The steps of the stages below pass, and the first of this stage blocks.
  served.script().AllowSteps(4 * stage);
  ASSERT_TRUE(call.ReadUntilStage(stage));
  served.script().AwaitSteps(4 * stage + 1);
  call.Cancel();
  EXPECT_EQ(served.generator().AwaitCancel().code(),
            absl::StatusCode::kCancelled);
  served.script().UnblockSteps();
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::CANCELLED);
  served.Drain();
  EXPECT_EQ(served.script().steps().size(), static_cast<size_t>(4 * stage + 1));
}

INSTANTIATE_TEST_SUITE_P(Stages, CancelInStageTest, ::testing::Values(0, 1, 2));

TEST(CancellationTest, AQueuedRequestNeverRuns) {
  ScriptedServer::Options options = OneLane();
  options.scheduler.inbox_capacity = 1;
  ScriptedServer served(options);
  served.script().BlockSteps();
  OpenCall running(served, DigitRequest(1));
  ASSERT_TRUE(running.ReadUntil(&Response::has_stage_started));
  OpenCall waiting(served, DigitRequest(2));
  ASSERT_TRUE(waiting.ReadUntil(&Response::has_queued));
  waiting.Cancel();
  EXPECT_FALSE(served.generator().AwaitCancel().ok());
  served.script().UnblockSteps();
  EXPECT_EQ(waiting.Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(running.Finish().ok());
  served.Drain();
  for (const ScriptedStep& step : served.script().steps()) {
    EXPECT_THAT(step.image_seeds, ::testing::ElementsAre(1));
  }
}

TEST(CancellationTest, AClientThatLeavesFreesItsSlots) {
  ScriptedServer served(OneLane());
  served.script().BlockSteps();
  {
    v1::GenerateImageRequest request = DigitRequest();
    request.set_image_count(8);
    OpenCall call(served, request);
    ASSERT_TRUE(call.ReadUntil(&Response::has_stage_started));
    call.Drop();
  }  // Its connection closes.
  EXPECT_FALSE(served.generator().AwaitCancel().ok());
  served.script().UnblockSteps();
  const Reply reply = Generate(served.Client(), DigitRequest(7));
  EXPECT_TRUE(reply.status.ok()) << reply.status.message;
  served.Drain();
  served.script().AwaitNoSlots();
}

TEST(CancellationTest, OthersInTheSameBatchGoOn) {
  ScriptedServer served(OneLane());
  served.script().BlockSteps();
  OpenCall first(served, DigitRequest(1));
  ASSERT_TRUE(first.ReadUntil(&Response::has_stage_started));
  OpenCall second(served, DigitRequest(2));
  ASSERT_TRUE(second.ReadUntil(&Response::has_queued));
  first.Cancel();
  EXPECT_FALSE(served.generator().AwaitCancel().ok());
  served.script().UnblockSteps();
  EXPECT_TRUE(second.ReadUntil(&Response::has_finished));
  EXPECT_TRUE(second.Finish().ok());
}

TEST(CancellationTest, ACancelAfterTheEndChangesNothing) {
  ScriptedServer served;
  OpenCall call(served, DigitRequest());
  ASSERT_TRUE(call.ReadUntil(&Response::has_finished));
  EXPECT_TRUE(call.Finish().ok());
  call.Cancel();
  EXPECT_TRUE(Generate(served.Client(), DigitRequest()).status.ok());
}

}  // namespace
}  // namespace cascade
