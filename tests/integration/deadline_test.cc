#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/scripted_server.h"
#include "tests/support/fake_clock.h"

namespace cascade {
namespace {

using ::testing::SizeIs;

using Response = v1::GenerateImageResponse;

// Two stages of four steps, each of 100 s, by what is known at load.
ScriptedServer::Options SlowStages() {
  ScriptedServer::Options options;
  options.stages = {{.resolution = 8, .batch_rows = {1}, .costs = {{1, 100}}},
                    {.resolution = 16, .batch_rows = {1}, .costs = {{1, 100}}}};
  options.scheduler.num_lanes = 1;
  return options;
}

v1::GenerateImageRequest BestEffort(absl::Duration time_budget) {
  v1::GenerateImageRequest request = DigitRequest();
  request.set_deadline_policy(v1::DEADLINE_POLICY_BEST_EFFORT);
  request.mutable_time_budget()->set_seconds(absl::ToInt64Seconds(time_budget));
  return request;
}

TEST(DeadlineTest, WorkStopsWhenTheClientStopsWaiting) {
  ScriptedServer::Options options;
  options.scheduler.num_lanes = 1;
  ScriptedServer served(options);
  served.script().BlockSteps();
  const Reply reply =
      Generate(served.Client(), DigitRequest(),
               ImageClient::CallOptions::Within(absl::Milliseconds(300)));
  EXPECT_EQ(reply.status.code, grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_FALSE(served.generator().AwaitCancel().ok());
  served.script().UnblockSteps();
  served.Drain();
  EXPECT_LE(served.script().steps().size(), 1u);
  served.script().AwaitNoSlots();
}

TEST(DeadlineTest, ADeadlineThatIsFarAwayChangesNothing) {
  ScriptedServer served;
  const Reply reply =
      Generate(served.Client(), DigitRequest(),
               ImageClient::CallOptions::Within(absl::Minutes(10)));
  EXPECT_TRUE(reply.status.ok()) << reply.status.message;
}

TEST(DeadlineTest, BestEffortMakesLessOfATimeBudgetThatIsTooShort) {
  ScriptedServer served(SlowStages());
  const Reply reply = Generate(served.Client(), BestEffort(absl::Seconds(600)));
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(reply.problems, SizeIs(0));
  const v1::GenerationRecord& record = reply.events.back().finished().record();
  EXPECT_TRUE(record.reduced_for_deadline());
  size_t steps = 0;
  for (const v1::StageRecord& stage : record.stages()) {
    steps += static_cast<size_t>(stage.sampler().steps());
  }
  EXPECT_LE(steps, 6u);
  EXPECT_THAT(served.script().steps(), SizeIs(steps));
  EXPECT_EQ(
      reply.Events(&Response::has_stage_image).back().stage_image().stage(),
      record.target_stage());
}

TEST(DeadlineTest, BestEffortEndsWithWhatThereIsWhenTheTimeIsUp) {
  FakeClock clock;
  clock.Advance(absl::Now() - clock.Now());
  ScriptedServer::Options options = SlowStages();
  options.clock = &clock;
  ScriptedServer served(options);
  served.script().BlockSteps();
  Reply reply;
  std::thread call(
      [&] { reply = Generate(served.Client(), BestEffort(absl::Hours(1))); });
  served.script().AllowSteps(4);  // All of the first stage.
  served.script().AwaitSteps(5);
  clock.Advance(absl::Hours(2));
  served.script().UnblockSteps();
  call.join();
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(reply.problems, SizeIs(0));
  const v1::GenerationRecord& record = reply.events.back().finished().record();
  EXPECT_TRUE(record.reduced_for_deadline());
  EXPECT_EQ(record.target_stage(), 0);
  EXPECT_THAT(record.stages(), SizeIs(1));
  const auto images = reply.Events(&Response::has_stage_image);
  ASSERT_THAT(images, SizeIs(1));
  EXPECT_EQ(images[0].stage_image().stage(), 0);
  served.script().AwaitNoSlots();
}

}  // namespace
}  // namespace cascade
