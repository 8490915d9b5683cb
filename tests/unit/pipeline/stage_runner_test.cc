#include "server/pipeline/stage_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/thread_pool.h"
#include "tests/support/hand_lane.h"
#include "tests/support/metric_values.h"
#include "tests/support/plain_encoder.h"
#include "tests/support/scripted_cascade.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stream_reader.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class StageRunnerTest : public ::testing::Test {
 protected:
  // An image at `line` of two, with or without a slot.
  PlannedImage Plan(int index, int line) {
    PlannedImage plan;
    plan.image = {1, index};
    plan.image_seed = static_cast<uint64_t>(index);
    plan.line = line;
    plan.num_lines = 2;
    plan.events = events_;
    plan.hands_over = true;
    plan.wants_pixels = true;
    if (line == 0) {
      plan.admit = ImagePlan{.table = table_,
                             .image_seed = plan.image_seed,
                             .class_id = std::nullopt,
                             .augmentation_level = 0,
                             .input = std::make_shared<EmptyOutput>()};
    }
    return plan;
  }
  std::vector<PlannedImage> Plans(std::vector<int> images, int line) {
    std::vector<PlannedImage> plans;
    for (const int image : images) plans.push_back(Plan(image, line));
    return plans;
  }
  // What the stream got, in short.
  std::vector<std::string> Events() {
    events_->Close(absl::OkStatus());
    std::vector<EncodedJobEvent> events;
    EXPECT_OK(StreamReader(events_).ReadAll(&events));
    std::vector<std::string> names;
    for (const EncodedJobEvent& event : events) {
      if (const auto* start = std::get_if<StageStartedEvent>(&event)) {
        names.push_back("started " + std::to_string(start->image_index));
      } else {
        const auto& picture = std::get<PictureEvent<EncodedImage>>(event);
        names.push_back((picture.is_preview ? "preview " : "image ") +
                        std::to_string(picture.image_index) +
                        (picture.state != nullptr ? " with state" : ""));
      }
    }
    return names;
  }

  const ScriptedCascade cascade_{
      "c", {{.resolution = 8}, {.resolution = 16, .slots = 4}}};
  Script& script_ = cascade_.script();
  Metrics metrics_{"test"};
  StageRunner runner_{*cascade_.MakeExecutor(1, "cpu"),
                      metrics_.Stage("c", "16x16")};
  std::shared_ptr<const SamplerTable> table_ =
      std::make_shared<const SamplerTable>(SamplerTable{
          .stop_timestep = std::nullopt, .lines = std::vector<SamplerLine>(2)});
  PlainEncoder encoder_;
  ThreadPool encoding_{1};
  std::shared_ptr<EventStream> events_ =
      std::make_shared<EventStream>(OutputOptions{}, encoder_, encoding_);
};

TEST_F(StageRunnerTest, RunsAnImageToItsOutputAndFreesTheSlot) {
  std::vector<ImageReport> report = runner_.Step(1, Plans({0}, 0));
  ASSERT_THAT(report, SizeIs(1));
  EXPECT_OK(report[0].status);
  EXPECT_EQ(report[0].output, nullptr);
  EXPECT_EQ(script_.slots_in_use(), 1);
  report = runner_.Step(1, Plans({0}, 1));
  EXPECT_OK(report[0].status);
  EXPECT_NE(report[0].output, nullptr);
  EXPECT_EQ(script_.slots_in_use(), 0);
  EXPECT_THAT(Events(), ElementsAre("started 0", "image 0"));
}

TEST_F(StageRunnerTest, SharesTheDeviceTimeByRows) {
  std::vector<PlannedImage> plans = Plans({0, 1}, 0);
  plans[1].rows = 3;
  const std::vector<ImageReport> report = runner_.Step(1, plans);
  EXPECT_EQ(report[0].device_time, absl::Microseconds(250));
  EXPECT_EQ(report[1].device_time, absl::Microseconds(750));
}

TEST_F(StageRunnerTest, RecordsEachStepThatRan) {
  script_.SetMemoryRows(2);
  runner_.Step(1, Plans({0, 1, 2}, 0));  // As one of one and one of two.
  script_.SetMemoryRows(4);
  runner_.Step(1, Plans({0, 1, 2}, 1));  // Filled up to four.
  const MetricValues values(metrics_.Text());
  EXPECT_EQ(values.Sum("cascade_step_seconds_count"), 3);
  EXPECT_EQ(values.Sum("cascade_step_rows_total"), 6);
  EXPECT_EQ(values.Sum("cascade_step_images_total"), 6);
  EXPECT_EQ(values.Sum("cascade_padded_rows_total"), 1);
}

TEST_F(StageRunnerTest, SplitsAStepThatRunsOutOfMemory) {
  script_.SetMemoryRows(2);
  const std::vector<ImageReport> report =
      runner_.Step(1, Plans({0, 1, 2, 3}, 0));
  for (const ImageReport& image : report) EXPECT_OK(image.status);
  ASSERT_THAT(script_.steps(), SizeIs(2));
  EXPECT_THAT(script_.steps()[0].image_seeds, ElementsAre(0, 1));
  EXPECT_THAT(script_.steps()[1].image_seeds, ElementsAre(2, 3));
}

TEST_F(StageRunnerTest, SplitsOnceOnly) {
  script_.SetMemoryRows(1);
  const std::vector<ImageReport> report = runner_.Step(1, Plans({0, 1, 2}, 0));
  EXPECT_OK(report[0].status);
  for (const size_t i : {1u, 2u}) {
    EXPECT_THAT(report[i].status,
                HasReason(absl::StatusCode::kResourceExhausted, kDeviceMemory));
  }
  EXPECT_EQ(script_.slots_in_use(), 1);
}

TEST_F(StageRunnerTest, AFailedStepFailsItsImages) {
  script_.FailNextStep(1, absl::UnknownError("broken"));
  const std::vector<ImageReport> report = runner_.Step(1, Plans({0, 1}, 0));
  for (const ImageReport& image : report) {
    EXPECT_THAT(image.status,
                HasReason(absl::StatusCode::kInternal, kStepFailed));
  }
  EXPECT_EQ(script_.slots_in_use(), 0);
}

TEST_F(StageRunnerTest, ANotFiniteImageFailsAlone) {
  script_.MakeNotFinite(1, 1);
  const std::vector<ImageReport> report = runner_.Step(1, Plans({0, 1, 2}, 0));
  EXPECT_OK(report[0].status);
  EXPECT_THAT(report[1].status,
              HasReason(absl::StatusCode::kInternal, kNotFinite));
  EXPECT_OK(report[2].status);
  EXPECT_EQ(script_.slots_in_use(), 2);
}

TEST_F(StageRunnerTest, AnImageThatCannotBeAdmittedFailsAlone) {
  script_.FailAdmission(1, 1);
  const std::vector<ImageReport> report = runner_.Step(1, Plans({0, 1, 2}, 0));
  EXPECT_OK(report[0].status);
  EXPECT_THAT(report[1].status,
              HasReason(absl::StatusCode::kInternal, kStepFailed));
  EXPECT_OK(report[2].status);
  EXPECT_THAT(script_.steps()[0].image_seeds, ElementsAre(0, 2));
}

TEST_F(StageRunnerTest, AnImageThatCannotBeExportedFailsAlone) {
  script_.FailExport(1, 1);
  runner_.Step(1, Plans({0, 1}, 0));
  const std::vector<ImageReport> report = runner_.Step(1, Plans({0, 1}, 1));
  EXPECT_OK(report[0].status);
  EXPECT_THAT(report[1].status,
              HasReason(absl::StatusCode::kInternal, kStepFailed));
  EXPECT_EQ(script_.slots_in_use(), 0);
}

TEST_F(StageRunnerTest, AnExceptionFailsTheImagesOfItsStep) {
  script_.ThrowInNextStep(1, "out of cheese");
  const std::vector<ImageReport> report = runner_.Step(1, Plans({0, 1}, 0));
  for (const ImageReport& image : report) {
    EXPECT_THAT(image.status,
                HasReason(absl::StatusCode::kInternal, kStepFailed));
    EXPECT_THAT(std::string(image.status.message()),
                HasSubstr("out of cheese"));
  }
  EXPECT_EQ(script_.slots_in_use(), 0);
  EXPECT_OK(runner_.loss());
  EXPECT_OK(runner_.Step(1, Plans({2}, 0))[0].status);
}

TEST_F(StageRunnerTest, ALostDeviceIsCalledNoMore) {
  runner_.Step(1, Plans({0}, 0));
  script_.FailNextStep(1, absl::UnavailableError("fell off the bus"));
  runner_.Step(1, Plans({1}, 0));
  EXPECT_THAT(runner_.loss(), HasCode(absl::StatusCode::kUnavailable));
  runner_.Release({1, 0});
  EXPECT_EQ(script_.slots_in_use(), 2);
}

TEST_F(StageRunnerTest, AnExceptionWhileSlotsAreFreedLosesTheDevice) {
  runner_.Step(1, Plans({0}, 0));
  script_.ThrowInNextRelease(1);
  runner_.Release({1, 0});
  EXPECT_THAT(runner_.loss(), HasCode(absl::StatusCode::kUnavailable));
}

TEST_F(StageRunnerTest, AnImageWhoseJobHasEndedIsLeftOut) {
  runner_.Step(1, Plans({0}, 0));
  std::vector<PlannedImage> plans = {Plan(0, 1), Plan(1, 0), Plan(2, 0)};
  plans[0].ended = plans[1].ended =
      std::make_shared<const std::atomic<bool>>(true);
  plans[2].ended = std::make_shared<const std::atomic<bool>>(false);
  const std::vector<ImageReport> report = runner_.Step(1, plans);
  EXPECT_THAT(report[0].status, HasCode(absl::StatusCode::kCancelled));
  EXPECT_THAT(report[1].status, HasCode(absl::StatusCode::kCancelled));
  EXPECT_OK(report[2].status);
  EXPECT_THAT(script_.steps()[1].image_seeds, ElementsAre(2));
  EXPECT_EQ(script_.slots_in_use(), 1);
  EXPECT_THAT(Events(),
              ElementsAre("started 0", "preview 0", "started 2", "preview 2"));
}

TEST_F(StageRunnerTest, AnImageWhoseJobEndsDuringItsAdmissionIsLeftOut) {
  const auto ended = std::make_shared<std::atomic<bool>>(false);
  std::vector<PlannedImage> plans = Plans({0, 1}, 0);
  plans[0].ended = ended;
  script_.CallInNextAdmission([ended] { *ended = true; });
  const std::vector<ImageReport> report = runner_.Step(1, plans);
  EXPECT_THAT(report[0].status, HasCode(absl::StatusCode::kCancelled));
  EXPECT_THAT(script_.steps()[0].image_seeds, ElementsAre(1));
  EXPECT_EQ(script_.slots_in_use(), 1);
}

TEST_F(StageRunnerTest, TheExactOutputGoesToTheClientWithThePixels) {
  for (const bool hands_over : {false, true}) {
    runner_.Step(1, Plans({0}, 0));
    std::vector<PlannedImage> plans = Plans({0}, 1);
    plans[0].hands_over = hands_over;
    plans[0].returns_state = true;
    const std::vector<ImageReport> report = runner_.Step(1, plans);
    EXPECT_EQ(report[0].output != nullptr, hands_over);
  }
  EXPECT_THAT(Events(), ElementsAre("started 0", "image 0 with state",
                                    "started 0", "image 0 with state"));
}

TEST_F(StageRunnerTest, AParkedImageGoesOnWhereItStopped) {
  runner_.Step(1, Plans({0}, 0));
  const ParkReport report = runner_.Park({1, 0});
  EXPECT_EQ(report.image, (ImageId{1, 0}));
  ASSERT_OK(report.parked);
  EXPECT_EQ(script_.slots_in_use(), 0);
  PlannedImage plan = Plan(0, 0);
  plan.line = 1;
  plan.admit->parked = *report.parked;
  EXPECT_OK(runner_.Step(1, {&plan, 1})[0].status);
  EXPECT_THAT(Events(), ElementsAre("started 0", "image 0"));
}

TEST_F(StageRunnerTest, AnImageThatCannotBeParkedIsLost) {
  runner_.Step(1, Plans({0}, 0));
  script_.FailPark(0, 1);
  EXPECT_THAT(runner_.Park({1, 0}).parked.status(),
              HasReason(absl::StatusCode::kInternal, kStepFailed));
  EXPECT_EQ(script_.slots_in_use(), 0);
}

TEST_F(StageRunnerTest, ReleaseFreesASlotOnce) {
  runner_.Step(1, Plans({0}, 0));
  runner_.Release({1, 0});
  runner_.Release({1, 0});
  EXPECT_EQ(script_.slots_in_use(), 0);
}

}  // namespace
}  // namespace cascade
