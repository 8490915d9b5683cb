#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

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

}  // namespace
}  // namespace cascade
