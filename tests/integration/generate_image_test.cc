#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Response = v1::GenerateImageResponse;

std::vector<int> StagesOf(const std::vector<Response>& images) {
  std::vector<int> stages;
  for (const Response& image : images) {
    stages.push_back(image.stage_image().stage());
  }
  return stages;
}

TEST(GenerateImageTest, StreamsEachStageInOrder) {
  ScriptedServer served;
  const Reply reply = Generate(served.Client(), DigitRequest());
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(reply.problems, IsEmpty());
  std::vector<Response::EventCase> kinds;
  for (const Response& event : reply.events)
    kinds.push_back(event.event_case());
  EXPECT_THAT(kinds, ElementsAre(Response::kQueued, Response::kStageStarted,
                                 Response::kStageImage, Response::kStageStarted,
                                 Response::kStageImage, Response::kStageStarted,
                                 Response::kStageImage, Response::kFinished));
  const v1::Image& image = reply.events[6].stage_image().image();
  EXPECT_EQ(image.width(), 32);
  EXPECT_EQ(image.height(), 32);
  EXPECT_EQ(image.channels(), 3);
}

TEST(GenerateImageTest, SendsPreviewsOnRequest) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  request.add_stages()->mutable_sampler()->set_steps(6);
  request.mutable_output()->set_preview_every_steps(2);
  const Reply reply = Generate(served.Client(), request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(reply.problems, IsEmpty());
  const auto previews = reply.Events(&Response::has_preview);
  // After steps 2 and 4 of each of the three stages, but for those that a later
  // one or the stage's image has overtaken.
  EXPECT_LE(previews.size(), 6u);
  const auto finished = reply.events.back().finished();
  EXPECT_EQ(static_cast<int64_t>(previews.size()) + finished.previews_dropped(),
            6);
  for (const Response& event : previews) {
    EXPECT_EQ(event.preview().steps_done() % 2, 0);
  }
}

TEST(GenerateImageTest, DrawsEachImageFromItsOwnSeed) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest(100);
  request.set_image_count(3);
  const Reply reply = Generate(served.Client(), request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(reply.problems, IsEmpty());
  std::set<uint64_t> seeds;
  for (const Response& event : reply.Events(&Response::has_stage_image)) {
    const v1::StageImage& image = event.stage_image();
    seeds.insert(image.image_seed());
    EXPECT_EQ(static_cast<uint8_t>(image.image().data()[0]),
              ScriptedPixel(image.image_seed(), image.stage(), 4));
  }
  EXPECT_THAT(seeds, ElementsAre(100, 101, 102));
  EXPECT_THAT(reply.events.back().finished().record().image_seeds(),
              ElementsAre(100, 101, 102));
  EXPECT_EQ(reply.events.back().finished().timings_size(), 9);
}

TEST(GenerateImageTest, StopsAtTheTargetStage) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  request.set_target_stage(1);
  const Reply reply = Generate(served.Client(), request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(reply.problems, IsEmpty());
  EXPECT_THAT(StagesOf(reply.Events(&Response::has_stage_image)),
              ElementsAre(0, 1));
  EXPECT_EQ(reply.events.back().finished().record().target_stage(), 1);
}

TEST(GenerateImageTest, SendsTheStagesThatWereAskedFor) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  request.mutable_output()->add_stages(2);
  const Reply reply = Generate(served.Client(), request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(StagesOf(reply.Events(&Response::has_stage_image)),
              ElementsAre(2));
  EXPECT_EQ(reply.Events(&Response::has_stage_started).size(), 3u);
}

TEST(GenerateImageTest, PicksAndReportsASeed) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  request.clear_seed();
  const Reply first = Generate(served.Client(), request);
  const Reply second = Generate(served.Client(), request);
  ASSERT_TRUE(first.status.ok() && second.status.ok());
  EXPECT_NE(first.events[0].queued().seed(), second.events[0].queued().seed());
  EXPECT_EQ(first.events[0].queued().seed(),
            first.events.back().finished().record().seed());
}

TEST(GenerateImageTest, RecordsHowItWasMade) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  v1::StageOptions& options = *request.add_stages();
  options.mutable_sampler()->set_kind(v1::SAMPLER_KIND_DDPM);
  options.mutable_sampler()->set_steps(3);
  options.mutable_guidance()->set_scale(4);
  const Reply reply = Generate(served.Client(), request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  const v1::GenerationRecord& record = reply.events.back().finished().record();
  EXPECT_EQ(record.cascade(), "digits");
  EXPECT_EQ(record.class_id(), 7);
  EXPECT_EQ(record.class_name(), "7");
  EXPECT_EQ(record.seed(), 42u);
  EXPECT_EQ(record.build(), "a build");
  ASSERT_EQ(record.stages_size(), 3);
  for (const v1::StageRecord& stage : record.stages()) {
    EXPECT_EQ(stage.sampler().kind(), v1::SAMPLER_KIND_DDPM);
    EXPECT_EQ(stage.sampler().steps(), 3);
    EXPECT_EQ(stage.guidance().scale(), 4);
    EXPECT_EQ(stage.weights_sha256(), std::string(64, 'b'));
  }
}

TEST(GenerateImageTest, TheEngineHearsOnWhoseAccountAndHowUrgentItIs) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  request.set_priority(v1::PRIORITY_INTERACTIVE);
  request.mutable_time_budget()->set_seconds(3600);
  ImageClient::CallOptions options;
  options.tenant = "Acme, Inc.";
  const absl::Time before = absl::Now();
  const Reply reply = Generate(served.Client(), request, options);
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  const GenerationRequest heard = served.generator().last_request();
  EXPECT_EQ(heard.tenant, "Acme, Inc.");
  EXPECT_EQ(heard.priority, Priority::kInteractive);
  EXPECT_GE(heard.deadline, before + absl::Hours(1));
  EXPECT_LE(heard.deadline, absl::Now() + absl::Hours(1));
  EXPECT_EQ(reply.events[0].queued().target_stage(), 2);
  EXPECT_TRUE(reply.events[0].queued().has_expected_start_time());
  EXPECT_NE(reply.events[0].queued().priority(), v1::PRIORITY_UNSPECIFIED);
}

TEST(GenerateImageTest, UnderBestEffortEachStageHasImageAndState) {
  ScriptedServer served;
  v1::GenerateImageRequest request = DigitRequest();
  request.set_deadline_policy(v1::DEADLINE_POLICY_BEST_EFFORT);
  request.set_return_stage_state(true);
  request.mutable_output()->add_stages(2);
  const Reply reply = Generate(served.Client(), request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(reply.problems, IsEmpty());
  const auto images = reply.Events(&Response::has_stage_image);
  EXPECT_THAT(StagesOf(images), ElementsAre(0, 1, 2));
  for (const Response& image : images) {
    EXPECT_TRUE(image.stage_image().has_state());
  }
  EXPECT_FALSE(reply.events.back().finished().record().reduced_for_deadline());
}

TEST(GenerateImageTest, AReplacedCascadeIsLookedUpAgain) {
  ScriptedServer served;
  served.generator().ReplaceCascade(3);
  const Reply reply = Generate(served.Client(), DigitRequest());
  EXPECT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_EQ(served.generator().submits(), 4);
}

TEST(GenerateImageTest, ManyClientsAreServedTogether) {
  ScriptedServer served;
  constexpr int kClients = 16;
  std::vector<Reply> replies(kClients);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kClients; ++i) {
    threads.emplace_back([&served, &replies, i] {
      v1::GenerateImageRequest request = DigitRequest(1000 + i);
      request.add_stages()->mutable_sampler()->set_steps(static_cast<int>(i) +
                                                         1);
      replies[i] = Generate(served.Client(), request);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < kClients; ++i) {
    ASSERT_TRUE(replies[i].status.ok()) << replies[i].status.message;
    EXPECT_THAT(replies[i].problems, IsEmpty());
    const auto images = replies[i].Events(&Response::has_stage_image);
    EXPECT_EQ(
        static_cast<uint8_t>(images.back().stage_image().image().data()[0]),
        ScriptedPixel(1000 + i, 2, static_cast<int>(i) + 1));
  }
  served.script().AwaitNoSlots();
}

TEST(GenerateImageTest, ReturnsTheClientsRequestId) {
  ScriptedServer served;
  ImageClient::CallOptions options;
  options.request_id = "my-id-1";
  const Reply reply = Generate(served.Client(), DigitRequest(), options);
  EXPECT_EQ(reply.status.request_id, "my-id-1");
  EXPECT_EQ(reply.events[0].queued().request_id(), "my-id-1");
  EXPECT_EQ(reply.events.back().finished().request_id(), "my-id-1");
}

TEST(GenerateImageTest, MakesARequestIdWhereTheClientsIsNone) {
  ScriptedServer served;
  ImageClient::CallOptions options;
  options.request_id = std::string(500, 'x');
  const Reply reply = Generate(served.Client(), DigitRequest(), options);
  EXPECT_EQ(reply.status.request_id.size(), 16u);
}

}  // namespace
}  // namespace cascade
