// Requests whose server dies on the way, and the other replica.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kStepsOfFirstStage = 2;

v1::GenerateImageRequest SeedlessRequest() {
  v1::GenerateImageRequest request = DigitRequest();
  request.clear_seed();
  v1::StageOptions& base = *request.add_stages();
  base.set_stage(0);
  base.mutable_sampler()->set_steps(kStepsOfFirstStage);
  return request;
}

// Two servers whose requests stand still after the first stage, until the one
// that has the request dies.
class TwoReplicas {
 public:
  TwoReplicas() : TwoReplicas(ScriptedServer::Options()) {}
  // `other`: of the second one.
  explicit TwoReplicas(ScriptedServer::Options other) : b_(std::move(other)) {
    for (ScriptedServer* replica : {&a_, &b_}) {
      replica->script().BlockSteps();
      replica->script().AllowSteps(kStepsOfFirstStage);
    }
  }

  ImageClient Client() const {
    return ImageClient(
        MakeChannel(absl::StrCat("ipv4:", a_.address(), ",", b_.address())));
  }

  // Ends the one that has the request, and lets the other one do its work.
  void KillTheBusyOne() {
    ScriptedServer& busy = a_.generator().submits() > 0 ? a_ : b_;
    busy.scheduler().Drain();
    busy.scheduler().Shutdown();
    a_.script().UnblockSteps();
    b_.script().UnblockSteps();
  }

 private:
  ScriptedServer a_;
  ScriptedServer b_;
};

// Kills the busy server when the first stage's image comes.
struct Restarted {
  CallStatus status;
  std::vector<v1::GenerateImageResponse> events;
  std::vector<CallStatus> restarts;
  std::vector<std::string> problems;
};

Restarted GenerateAndKill(TwoReplicas& replicas,
                          const v1::GenerateImageRequest& request,
                          int max_restarts = 3) {
  Restarted result;
  ReplyCheck check(request);
  bool killed = false;
  ImageClient::CallOptions options;
  options.max_restarts = max_restarts;
  options.on_restart = [&](const CallStatus& ended) {
    result.restarts.push_back(ended);
  };
  result.status = replicas.Client().Generate(
      request, options, [&](const v1::GenerateImageResponse& event) {
        check.Add(event);
        result.events.push_back(event);
        if (!event.has_stage_image() || killed) return;
        killed = true;
        replicas.KillTheBusyOne();
      });
  result.problems = check.Problems(result.status.ok());
  return result;
}

std::vector<std::string> Pictures(
    const std::vector<v1::GenerateImageResponse>& events) {
  std::vector<std::string> pictures;
  for (const auto& event : events) {
    if (event.has_stage_image()) {
      pictures.push_back(event.stage_image().image().data());
    }
  }
  return pictures;
}

TEST(RestartTest, AnotherReplicaDrawsTheSameBytes) {
  TwoReplicas replicas;
  const Restarted restarted = GenerateAndKill(replicas, SeedlessRequest());
  ASSERT_TRUE(restarted.status.ok()) << restarted.status.message;
  EXPECT_EQ(restarted.status.restarts, 1);
  ASSERT_THAT(restarted.restarts, SizeIs(1));
  EXPECT_EQ(restarted.restarts[0].code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(restarted.problems, IsEmpty());

  // As one server does it that lives.
  ScriptedServer server;
  v1::GenerateImageRequest request = SeedlessRequest();
  request.set_seed(restarted.events.front().queued().seed());
  const Reply whole = Generate(server.Client(), request);
  ASSERT_TRUE(whole.status.ok());
  EXPECT_EQ(whole.status.restarts, 0);
  EXPECT_EQ(Pictures(restarted.events), Pictures(whole.events));
}

TEST(RestartTest, AReplicaWithOtherBytesIsNotTaken) {
  ScriptedServer::Options other;
  other.stages = {{.resolution = 4}, {.resolution = 8}, {.resolution = 16}};
  TwoReplicas replicas(std::move(other));
  const Restarted restarted = GenerateAndKill(replicas, SeedlessRequest());
  EXPECT_EQ(restarted.status.code, grpc::StatusCode::ABORTED);
  EXPECT_EQ(restarted.status.reason, "OTHER_BYTES");
  EXPECT_THAT(Pictures(restarted.events), SizeIs(1));
}

TEST(RestartTest, NoneIfNoneIsWanted) {
  TwoReplicas replicas;
  const Restarted ended =
      GenerateAndKill(replicas, SeedlessRequest(), /*max_restarts=*/0);
  EXPECT_EQ(ended.status.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ended.status.reason, "SHUT_DOWN");
  EXPECT_THAT(ended.restarts, IsEmpty());
}

TEST(RestartTest, NotUnderBestEffort) {
  TwoReplicas replicas;
  v1::GenerateImageRequest request = SeedlessRequest();
  request.set_deadline_policy(v1::DEADLINE_POLICY_BEST_EFFORT);
  const Restarted ended = GenerateAndKill(replicas, request);
  EXPECT_EQ(ended.status.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(ended.restarts, IsEmpty());
}

}  // namespace
}  // namespace cascade
