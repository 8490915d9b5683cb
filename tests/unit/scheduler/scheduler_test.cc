#include "server/scheduler/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "server/scheduler/scheduler_invariants.h"
#include "tests/support/hand_lane.h"
#include "tests/support/laneless_scheduler.h"
#include "tests/support/scripted_engine.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stream_reader.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Two stages of four steps each.
const std::vector<ScriptedStage> kStages = {{.resolution = 8},
                                            {.resolution = 16}};

Scheduler::Options Lanes(int num_lanes) {
  Scheduler::Options options;
  options.num_lanes = num_lanes;
  return options;
}

class SchedulerTest : public ::testing::Test {
 protected:
  explicit SchedulerTest(const Scheduler::Options& options = Lanes(2))
      : SchedulerTest(ServeScripted(kStages, options.num_lanes), options) {}
  SchedulerTest(ServedCascade cascade, const Scheduler::Options& options)
      : scheduler_(std::move(cascade), options) {}

  GenerationRequest Request(uint64_t seed, int image_count = 1) const {
    return MakeRequest(*ServeScripted(kStages).spec, seed, image_count);
  }
  Admitted Submit(GenerationRequest request) {
    absl::StatusOr<Admitted> admitted = scheduler_->Submit(std::move(request));
    EXPECT_OK(admitted);
    return *admitted;
  }
  void RunSteps(HandLane& lane, int count) {
    for (int i = 0; i < count; ++i) {
      lane.Take();
      lane.Finish();
    }
  }
  absl::Status EndOf(const Admitted& job) {
    return StreamReader(job.events).ReadAll();
  }
  void ExpectEmpty() {
    const SchedulerSnapshot snapshot = scheduler_->Snapshot();
    EXPECT_OK(CheckInvariants(snapshot));
    EXPECT_THAT(snapshot.images, IsEmpty());
    for (const LaneStageSnapshot& stage : snapshot.lanes) {
      EXPECT_EQ(stage.slots_taken, 0);
    }
  }

  LanelessScheduler scheduler_;
  HandLane lane_{*scheduler_, 0};
  HandLane other_lane_{*scheduler_, 1};
};

TEST_F(SchedulerTest, FindsCascadesByName) {
  EXPECT_OK(scheduler_->FindCascade("c"));
  EXPECT_THAT(scheduler_->FindCascade("d"),
              HasReason(absl::StatusCode::kNotFound, kCascadeNotFound));
  EXPECT_THAT(scheduler_->ListCascades(), SizeIs(1));
}

TEST_F(SchedulerTest, AnImageRunsEachLineOfEachStage) {
  const Admitted job = Submit(Request(7));
  for (int stage = 0; stage < 2; ++stage) {
    for (int line = 0; line < 4; ++line) {
      const StepPlan& plan = lane_.Take();
      EXPECT_EQ(plan.stage.stage, stage);
      ASSERT_THAT(plan.images, SizeIs(1));
      EXPECT_EQ(plan.images[0].line, line);
      EXPECT_EQ(plan.images[0].image_seed, 7u);
      EXPECT_EQ(plan.images[0].admit.has_value(), line == 0);
      EXPECT_EQ(plan.images[0].wants_pixels, line == 3);
      if (line == 0) {
        EXPECT_EQ(plan.images[0].admit->input != nullptr, stage == 1);
      }
      lane_.Finish();
    }
  }
  std::vector<EncodedJobEvent> events;
  EXPECT_OK(StreamReader(job.events).ReadAll(&events));
  ASSERT_THAT(events, SizeIs(2));  // Pictures are the lanes' business.
  EXPECT_TRUE(std::holds_alternative<QueuedEvent>(events[0]));
  const auto& finished = std::get<FinishedEvent>(events[1]);
  ASSERT_THAT(finished.timings, SizeIs(2));
  EXPECT_EQ(finished.timings[1].stage_index, 1);
  EXPECT_EQ(finished.timings[1].device_time, absl::Milliseconds(4));
  EXPECT_EQ(lane_.violations(), 0);
  ExpectEmpty();
}

TEST_F(SchedulerTest, PreviewsAreAskedForEveryFewSteps) {
  GenerationRequest request = Request(1);
  request.output.preview_every_steps = 2;
  request.output.stage_images = {false, true};
  Submit(std::move(request));
  std::vector<bool> wants;
  for (int step = 0; step < 8; ++step) {
    wants.push_back(lane_.Take().images[0].wants_pixels);
    lane_.Finish();
  }
  EXPECT_THAT(wants, ElementsAre(false, true, false, false,  // No stage image.
                                 false, true, false, true));
}

TEST_F(SchedulerTest, ARequestEndsAtItsTargetStage) {
  GenerationRequest request = Request(1);
  request.target_stage = 0;
  request.stages.resize(1);
  request.output.stage_images.clear();
  const Admitted job = Submit(std::move(request));
  RunSteps(lane_, 3);
  EXPECT_TRUE(lane_.Take().images[0].wants_pixels);
  EXPECT_FALSE(lane_.plan().images[0].hands_over);
  lane_.Finish();
  EXPECT_OK(EndOf(job));
}

TEST_F(SchedulerTest, GuidedImagesTakeTwoRows) {
  GenerationRequest request = Request(1);
  request.stages[0].sampler.guidance.scale = 3;
  Submit(std::move(request));
  EXPECT_EQ(lane_.Take().images[0].rows, 2);
}

TEST_F(SchedulerTest, RequestsShareSteps) {
  Submit(Request(1));
  lane_.Take();
  lane_.Finish();
  Submit(Request(2));
  Submit(Request(3));
  Submit(Request(4));
  const StepPlan& plan = lane_.Take();  // Its half of the work, in one step.
  EXPECT_GT(plan.images.size(), 1u);
  EXPECT_EQ(plan.images[0].line, 1);
  EXPECT_EQ(plan.images[1].line, 0);
}

TEST_F(SchedulerTest, ImagesAreSharedOutToTheLanes) {
  Submit(Request(1, 8));
  EXPECT_THAT(lane_.Take().images, SizeIs(4));
  EXPECT_THAT(other_lane_.Take().images, SizeIs(4));
}

TEST_F(SchedulerTest, AFinishedStageMayGoOnOnAnotherLane) {
  const Admitted job = Submit(Request(1));
  RunSteps(lane_, 4);
  RunSteps(other_lane_, 4);
  EXPECT_OK(EndOf(job));
  ExpectEmpty();
}

TEST_F(SchedulerTest, RefusesAPassedDeadline) {
  GenerationRequest request = Request(1);
  request.deadline = scheduler_.clock().Now();
  EXPECT_THAT(
      scheduler_->Submit(std::move(request)),
      HasReason(absl::StatusCode::kDeadlineExceeded, kDeadlineExceeded));
  ExpectEmpty();
}

TEST_F(SchedulerTest, RefusesASamplerThatCannotBeCompiled) {
  GenerationRequest request = Request(1);
  request.stages[1].sampler.num_steps = 0;
  const absl::Status status = scheduler_->Submit(std::move(request)).status();
  EXPECT_THAT(status,
              HasReason(absl::StatusCode::kInvalidArgument, kInvalidField));
  // "stages[1]" would be the request's second entry, whatever its stage is.
  EXPECT_EQ(FieldViolations(status)[0].field, "stages");
  EXPECT_THAT(FieldViolations(status)[0].description, HasSubstr("stage 1"));
  EXPECT_TRUE(scheduler_->WaitUntilIdle(absl::InfinitePast()));
}

TEST_F(SchedulerTest, CancelOfAQueuedJobClosesItAtOnce) {
  const Admitted job = Submit(Request(1));
  scheduler_->Cancel(job.id, absl::CancelledError("enough"));
  EXPECT_THAT(EndOf(job), HasCode(absl::StatusCode::kCancelled));
  ExpectEmpty();
}

TEST_F(SchedulerTest, CancelBetweenStepsFreesTheSlotBeforeTheNext) {
  const Admitted job = Submit(Request(1));
  RunSteps(lane_, 1);
  scheduler_->Cancel(job.id, absl::CancelledError("enough"));
  EXPECT_OK(CheckInvariants(scheduler_->Snapshot()));
  Submit(Request(2));
  const StepPlan& plan = lane_.Take();
  ASSERT_THAT(plan.releases, SizeIs(1));
  EXPECT_EQ(plan.releases[0].image.job, job.id);
  ASSERT_THAT(plan.images, SizeIs(1));
  EXPECT_EQ(plan.images[0].image_seed, 2u);
}

TEST_F(SchedulerTest, CancelDuringAStepFreesTheSlotBeforeTheNext) {
  const Admitted job = Submit(Request(1));
  lane_.Take();
  scheduler_->Cancel(job.id, absl::CancelledError("enough"));
  EXPECT_THAT(EndOf(job), HasCode(absl::StatusCode::kCancelled));
  lane_.Finish();
  EXPECT_THAT(lane_.Take().releases, SizeIs(1));
  EXPECT_THAT(lane_.plan().images, IsEmpty());
  EXPECT_EQ(lane_.num_slots(), 0u);
  ExpectEmpty();
}

TEST_F(SchedulerTest, CancelDuringTheLastStepOfAStageLeavesNothing) {
  const Admitted job = Submit(Request(1));
  RunSteps(lane_, 3);
  lane_.Take();
  scheduler_->Cancel(job.id, absl::CancelledError("enough"));
  lane_.Finish();
  EXPECT_EQ(lane_.num_slots(), 0u);
  ExpectEmpty();
}

TEST_F(SchedulerTest, CancelAtTheHandOverLeavesNothing) {
  const Admitted job = Submit(Request(1));
  RunSteps(lane_, 4);
  scheduler_->Cancel(job.id, absl::CancelledError("enough"));
  EXPECT_THAT(EndOf(job), HasCode(absl::StatusCode::kCancelled));
  ExpectEmpty();
}

TEST_F(SchedulerTest, CancelOfAnEndedJobDoesNothing) {
  const Admitted job = Submit(Request(1));
  RunSteps(lane_, 8);
  scheduler_->Cancel(job.id, absl::CancelledError("late"));
  EXPECT_OK(EndOf(job));
  scheduler_->Cancel(4711, absl::CancelledError("unknown"));
}

TEST_F(SchedulerTest, WastedDeviceTimeIsCounted) {
  const Admitted job = Submit(Request(1));
  RunSteps(lane_, 3);
  scheduler_->Cancel(job.id, absl::CancelledError("enough"));
  EXPECT_THAT(scheduler_.metrics().Text(),
              HasSubstr("cascade_wasted_device_seconds_total{cascade=\"c\","
                        "stage=\"8x8\"} 0.003"));
}

TEST_F(SchedulerTest, ADeadlineEndsRunningAndQueuedJobsAtTheNextDecision) {
  GenerationRequest request = Request(1);
  request.deadline = scheduler_.clock().Now() + absl::Seconds(1);
  const Admitted running = Submit(request);
  RunSteps(lane_, 1);
  request.seed = 2;
  const Admitted queued = Submit(request);
  const Admitted patient = Submit(Request(3));
  scheduler_.clock().Advance(absl::Seconds(1));
  const StepPlan& plan = lane_.Take();
  EXPECT_THAT(plan.releases, SizeIs(1));
  ASSERT_THAT(plan.images, SizeIs(1));
  EXPECT_EQ(plan.images[0].image_seed, 3u);
  EXPECT_THAT(EndOf(running), HasReason(absl::StatusCode::kDeadlineExceeded,
                                        kDeadlineExceeded));
  EXPECT_THAT(EndOf(queued), HasReason(absl::StatusCode::kDeadlineExceeded,
                                       kDeadlineExceeded));
}

TEST_F(SchedulerTest, AFailedImageEndsItsJobAlone) {
  const Admitted bad = Submit(Request(1, 2));
  const Admitted good = Submit(Request(3, 2));
  lane_.Take();
  other_lane_.Take();
  lane_.Finish({{bad.id, 0}}, absl::InternalError("NaN"));
  EXPECT_THAT(EndOf(bad), HasCode(absl::StatusCode::kInternal));
  EXPECT_OK(CheckInvariants(scheduler_->Snapshot()));
  other_lane_.Finish();
  while (!scheduler_->Snapshot().ready.empty() || lane_.num_slots() > 0 ||
         other_lane_.num_slots() > 0) {
    HandLane& busy = other_lane_.num_slots() > 0 ? other_lane_ : lane_;
    busy.Take();
    if (busy.is_stepping()) busy.Finish();
  }
  EXPECT_OK(EndOf(good));
  EXPECT_EQ(lane_.violations() + other_lane_.violations(), 0);
  ExpectEmpty();
}

TEST_F(SchedulerTest, DrainRefusesNewJobsAndFinishesOthers) {
  const Admitted job = Submit(Request(1));
  scheduler_->Drain();
  EXPECT_THAT(scheduler_->Submit(Request(2)),
              HasReason(absl::StatusCode::kUnavailable, kDraining));
  EXPECT_FALSE(scheduler_->WaitUntilIdle(absl::InfinitePast()));
  RunSteps(lane_, 8);
  EXPECT_TRUE(scheduler_->WaitUntilIdle(absl::InfiniteFuture()));
  EXPECT_OK(EndOf(job));
}

TEST_F(SchedulerTest, ShutdownEndsEveryJobAndEveryLane) {
  const Admitted running = Submit(Request(1));
  lane_.Take();
  const Admitted queued = Submit(Request(2));
  scheduler_->Shutdown();
  EXPECT_THAT(EndOf(running),
              HasReason(absl::StatusCode::kUnavailable, kShutDown));
  EXPECT_THAT(EndOf(queued),
              HasReason(absl::StatusCode::kUnavailable, kShutDown));
  lane_.Finish();
  EXPECT_EQ(scheduler_->NextPlan(0), std::nullopt);
  EXPECT_EQ(scheduler_->NextPlan(1), std::nullopt);
}

TEST_F(SchedulerTest, ShutdownWakesAnIdleLane) {
  ThreadPool lane(1);
  lane.Post([this] { EXPECT_EQ(scheduler_->NextPlan(1), std::nullopt); });
  scheduler_->Shutdown();
}

TEST_F(SchedulerTest, AnIdleLaneWakesForANewJob) {
  Mutex mutex;
  CondVar changed;
  bool done = false;
  ThreadPool lane(1);
  lane.Post([&] {
    other_lane_.Take();
    MutexLock lock(mutex);
    done = true;
    changed.SignalAll();
  });
  Submit(Request(1));
  MutexLock lock(mutex);
  while (!done) changed.Wait(mutex);
  EXPECT_THAT(other_lane_.plan().images, SizeIs(1));
}

class BoundedSchedulerTest : public SchedulerTest {
 protected:
  BoundedSchedulerTest() : SchedulerTest(Cascade(), Bounds()) {}
  static ServedCascade Cascade() {
    ServedCascade cascade = ServeScripted(kStages, 2);
    cascade.queue.max_queued_images = 4;
    return cascade;
  }
  static Scheduler::Options Bounds() {
    Scheduler::Options options = Lanes(2);
    options.inbox_capacity = 2;
    options.max_images_per_request = 4;
    return options;
  }
};

TEST_F(BoundedSchedulerTest, RefusesWhatTheQueueCannotHold) {
  Submit(Request(1, 4));
  EXPECT_THAT(scheduler_->Submit(Request(5)),
              HasReason(absl::StatusCode::kResourceExhausted, kQueueFull));
  EXPECT_THAT(scheduler_.metrics().Text(),
              HasSubstr("cascade=\"c\",outcome=\"RESOURCE_EXHAUSTED\","
                        "reason=\"QUEUE_FULL\"} 1"));
  lane_.Take();  // Two images begin.
  EXPECT_OK(scheduler_->Submit(Request(5)));
}

TEST_F(BoundedSchedulerTest, TellsThePositionInTheQueue) {
  Submit(Request(1, 3));
  const Admitted job = Submit(Request(4));
  const EventStream::Item item = StreamReader(job.events).Next();
  EXPECT_EQ(std::get<QueuedEvent>(*item.event).position, 3);
}

// Images on their way to a stage or waiting for it; those in it hold nothing.
TEST_F(BoundedSchedulerTest, CreditsBoundWhatPilesUpBetweenStages) {
  Submit(Request(1, 4));
  for (int step = 0; step < 16; ++step) {
    lane_.Take();
    const SchedulerSnapshot snapshot = scheduler_->Snapshot();
    int below = 0;
    for (const ImageSnapshot& image : snapshot.images) {
      const bool waits_above =
          image.stage.stage == 1 && image.place == ImagePlace::kReady;
      if (image.begun && (image.stage.stage == 0 || waits_above)) ++below;
    }
    EXPECT_LE(below, 2);
    lane_.Finish();
  }
}

TEST_F(BoundedSchedulerTest, TheGaugesShowTheLoad) {
  Submit(Request(1, 3));
  lane_.Take();
  scheduler_->ReportLoad();
  const std::string text = scheduler_.metrics().Text();
  EXPECT_THAT(text, HasSubstr("cascade_stage_images{cascade=\"c\",stage=\"8x8\""
                              ",state=\"active\"} 2"));
  EXPECT_THAT(text, HasSubstr("cascade_queued_images 1"));
}

}  // namespace
}  // namespace cascade
