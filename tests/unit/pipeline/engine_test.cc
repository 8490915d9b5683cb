// The scheduler and real lanes together, over scripted cascades.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/scheduler/scheduler_invariants.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_engine.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stream_reader.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

Scheduler::Options Lanes(int num_lanes) {
  Scheduler::Options options;
  options.num_lanes = num_lanes;
  return options;
}

std::string Describe(const EncodedJobEvent& event) {
  if (std::holds_alternative<QueuedEvent>(event)) return "queued";
  if (std::holds_alternative<FinishedEvent>(event)) return "finished";
  if (const auto* start = std::get_if<StageStartedEvent>(&event)) {
    return "started " + std::to_string(start->stage_index);
  }
  const auto& picture = std::get<PictureEvent<EncodedImage>>(event);
  return (picture.is_preview ? "preview " : "image ") +
         std::to_string(picture.stage_index);
}

class EngineTest : public ::testing::Test {
 protected:
  Admitted Submit(GenerationRequest request) {
    absl::StatusOr<Admitted> admitted =
        engine_.scheduler().Submit(std::move(request));
    EXPECT_OK(admitted);
    return *admitted;
  }
  GenerationRequest Request(uint64_t seed, int image_count = 1) const {
    return MakeRequest(cascade_.spec(), seed, image_count);
  }

  const ScriptedCascade cascade_{"c", {{.resolution = 8}, {.resolution = 16}}};
  Script& script_ = cascade_.script();
  ScriptedEngine engine_{{&cascade_}, Lanes(1)};
};

TEST_F(EngineTest, StreamsTheEventsInOrder) {
  const Admitted job = Submit(Request(5));
  std::vector<EncodedJobEvent> events;
  EXPECT_OK(StreamReader(job.events).ReadAll(&events));
  std::vector<std::string> names;
  for (const EncodedJobEvent& event : events) names.push_back(Describe(event));
  EXPECT_THAT(names, ElementsAre("queued", "started 0", "image 0", "started 1",
                                 "image 1", "finished"));
  const auto& last = std::get<PictureEvent<EncodedImage>>(events[4]);
  EXPECT_EQ(last.picture.width, 16);
  EXPECT_EQ(static_cast<uint8_t>(last.picture.bytes[0]),
            ScriptedPixel(5, 1, 4));
}

TEST_F(EngineTest, ALoneImageTakesNothingButItsSteps) {
  EXPECT_OK(StreamReader(Submit(Request(5)).events).ReadAll());
  EXPECT_THAT(script_.steps(), SizeIs(8));
}

TEST_F(EngineTest, ARequestJoinsTheStepsOfAnother) {
  script_.BlockSteps();
  const Admitted first = Submit(Request(1));
  script_.AwaitBlockedSteps(1);  // The first alone.
  const Admitted second = Submit(Request(2));
  script_.AllowSteps(1);
  script_.AwaitSteps(2);
  script_.UnblockSteps();
  EXPECT_OK(StreamReader(first.events).ReadAll());
  EXPECT_OK(StreamReader(second.events).ReadAll());
  EXPECT_THAT(script_.steps()[0].image_seeds, ElementsAre(1));
  EXPECT_THAT(script_.steps()[1].image_seeds, ElementsAre(1, 2));
}

TEST_F(EngineTest, NoStepOfACancelledImageIsSubmitted) {
  script_.BlockSteps();
  const Admitted doomed = Submit(Request(1));
  script_.AwaitBlockedSteps(1);
  const Admitted other = Submit(Request(2));
  engine_.scheduler().Cancel(doomed.id, absl::CancelledError("enough"));
  EXPECT_THAT(StreamReader(doomed.events).ReadAll(),
              HasCode(absl::StatusCode::kCancelled));
  script_.UnblockSteps();
  EXPECT_OK(StreamReader(other.events).ReadAll());
  const std::vector<ScriptedStep> steps = script_.steps();
  EXPECT_THAT(steps, SizeIs(9));
  for (size_t i = 1; i < steps.size(); ++i) {
    EXPECT_THAT(steps[i].image_seeds, ElementsAre(2));
  }
}

TEST_F(EngineTest, ANotFiniteImageEndsItsRequestAlone) {
  script_.MakeNotFinite(1, 1);
  const Admitted bad = Submit(Request(1));
  const Admitted good = Submit(Request(2));
  EXPECT_THAT(StreamReader(bad.events).ReadAll(),
              HasReason(absl::StatusCode::kInternal, kNotFinite));
  EXPECT_OK(StreamReader(good.events).ReadAll());
}

TEST_F(EngineTest, AReaderThatNeverReadsSlowsNobody) {
  const Admitted unread = Submit(Request(1));
  const Admitted read = Submit(Request(2));
  EXPECT_OK(StreamReader(read.events).ReadAll());
  engine_.scheduler().Drain();
  EXPECT_TRUE(engine_.scheduler().WaitUntilIdle(absl::InfiniteFuture()));
  EXPECT_OK(StreamReader(unread.events).ReadAll());
}

TEST_F(EngineTest, ShutdownDuringAStepEndsTheStream) {
  script_.BlockSteps();
  const Admitted job = Submit(Request(1));
  script_.AwaitBlockedSteps(1);
  engine_.scheduler().Shutdown();
  EXPECT_THAT(StreamReader(job.events).ReadAll(),
              HasReason(absl::StatusCode::kUnavailable, kShutDown));
  script_.UnblockSteps();
}

TEST(EngineLanesTest, TwoImagesRunOnTwoLanesAtOnce) {
  const ScriptedCascade cascade("c", {{.resolution = 8}});
  ScriptedEngine engine({&cascade}, Lanes(2));
  cascade.script().BlockSteps();
  const auto job = engine.scheduler().Submit(MakeRequest(cascade.spec(), 1, 2));
  ASSERT_OK(job);
  cascade.script().AwaitBlockedSteps(2);
  cascade.script().UnblockSteps();
  EXPECT_OK(StreamReader(job->events).ReadAll());
}

TEST(EngineLanesTest, StagesOfDifferentRequestsRunSideBySide) {
  const ScriptedCascade cascade("c", {{.resolution = 8}, {.resolution = 16}});
  Script& script = cascade.script();
  ScriptedEngine engine({&cascade}, Lanes(2));
  script.BlockSteps();
  const auto first = engine.scheduler().Submit(MakeRequest(cascade.spec(), 1));
  script.AllowSteps(4);  // The whole base stage.
  script.AwaitSteps(5);
  const auto second = engine.scheduler().Submit(MakeRequest(cascade.spec(), 2));
  script.AwaitBlockedSteps(2);
  EXPECT_EQ(script.steps()[4].stage, 1);
  EXPECT_EQ(script.steps()[5].stage, 0);
  script.UnblockSteps();
  EXPECT_OK(StreamReader(first->events).ReadAll());
  EXPECT_OK(StreamReader(second->events).ReadAll());
}

TEST(EngineLanesTest, SeveralCascadesAreServedSideBySide) {
  const ScriptedCascade small("small", {{.resolution = 8}});
  const ScriptedCascade large("large", {{.resolution = 64}});
  ScriptedEngine engine({&small, &large}, Lanes(1));
  const auto first = engine.scheduler().Submit(MakeRequest(small.spec()));
  const auto second = engine.scheduler().Submit(MakeRequest(large.spec()));
  EXPECT_OK(StreamReader(first->events).ReadAll());
  EXPECT_OK(StreamReader(second->events).ReadAll());
  EXPECT_THAT(small.script().steps(), SizeIs(4));
  EXPECT_THAT(large.script().steps(), SizeIs(4));
}

// Real lanes, random submits, cancels, deadlines and failures: every stream has
// its last word, no slot is left.
TEST(EnginePropertyTest, EveryStreamEndsAndNoSlotLeaks) {
  std::mt19937 random(11);
  const auto below = [&random](int n) {
    return static_cast<int>(random() % static_cast<unsigned>(n));
  };
  const ScriptedCascade cascade(
      "c", {{.resolution = 8, .slots = 8, .batch_rows = {1, 2, 4, 8}},
            {.resolution = 16, .slots = 4, .batch_rows = {1, 2, 4}}});
  Script& script = cascade.script();
  FakeClock clock;
  Scheduler::Options options = Lanes(3);
  ScriptedEngine engine({&cascade}, options, clock,
                        /*max_queued_images=*/40);
  Scheduler& scheduler = engine.scheduler();
  std::vector<Admitted> jobs;
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    GenerationRequest request =
        MakeRequest(cascade.spec(), seed * 100, 1 + below(4));
    request.output.preview_every_steps = below(3);
    if (below(5) == 0) {
      request.deadline = clock.Now() + absl::Milliseconds(1 + below(50));
    }
    if (below(20) == 0) script.MakeNotFinite(request.seed, below(2));
    if (below(20) == 0) {
      script.FailNextStep(below(2), absl::InternalError("random"));
    }
    const auto job = scheduler.Submit(std::move(request));
    if (job.ok()) jobs.push_back(*job);
    clock.Advance(absl::Milliseconds(below(3)));
    if (below(3) == 0 && !jobs.empty()) {
      scheduler.Cancel(jobs[random() % jobs.size()].id,
                       absl::CancelledError("random"));
    }
    ASSERT_OK(CheckInvariants(scheduler.Snapshot()));
  }
  for (const Admitted& job : jobs) {
    // Any end will do, as long as there is one.
    StreamReader(job.events).ReadAll().IgnoreError();
  }
  EXPECT_TRUE(scheduler.WaitUntilIdle(absl::InfiniteFuture()));
  script.AwaitNoSlots();
  EXPECT_OK(CheckInvariants(scheduler.Snapshot()));
}

}  // namespace
}  // namespace cascade
