#include "server/pipeline/lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "server/base/thread_pool.h"
#include "tests/support/plain_encoder.h"
#include "tests/support/scripted_cascade.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Plans that were written before; and what the lane said of them.
class WrittenWork : public LaneWork {
 public:
  std::deque<StepPlan> plans;
  std::vector<StepReport> reports;
  std::vector<absl::Status> losses;

  std::optional<StepPlan> NextPlan(int /*lane*/) override {
    if (plans.empty()) return std::nullopt;
    StepPlan plan = std::move(plans.front());
    plans.pop_front();
    return plan;
  }
  void StepDone(int /*lane*/, StepReport report) override {
    reports.push_back(std::move(report));
  }
  void LaneLost(int /*lane*/, absl::Status why) override {
    losses.push_back(std::move(why));
  }
};

class LaneTest : public ::testing::Test {
 protected:
  LaneTest() { AddStage(kStage); }

  void AddStage(StageId stage) {
    lane_->Add(stage, model_, *model_->MakeExecutor(stage.stage, "cpu"),
               metrics_.Stage("c", "8x8"));
  }
  // Image `index` at `line` of two.
  PlannedImage Image(int index, int line) const {
    PlannedImage image;
    image.image = {1, index};
    image.image_seed = static_cast<uint64_t>(index);
    image.line = line;
    image.num_lines = 2;
    image.events = events_;
    if (line == 0) {
      image.admit = ImagePlan{.table = table_,
                              .image_seed = image.image_seed,
                              .class_id = std::nullopt,
                              .input = nullptr};
    }
    return image;
  }
  void Step(std::vector<PlannedImage> images) {
    work_.plans.push_back({.releases = {},
                           .parks = {},
                           .stage = kStage,
                           .images = std::move(images)});
  }
  // Runs all plans and ends the lane.
  void Run() {
    lane_->Run(work_);
    lane_.reset();
  }

  static constexpr StageId kStage = {.cascade = 3, .stage = 0};
  const std::shared_ptr<const ScriptedCascade> model_ =
      std::make_shared<const ScriptedCascade>(
          "c", std::vector<ScriptedStage>{{.resolution = 8}});
  Script& script_ = model_->script();
  Metrics metrics_{"test"};
  const std::shared_ptr<const SamplerTable> table_ =
      std::make_shared<const SamplerTable>(SamplerTable{
          .stop_timestep = std::nullopt, .lines = std::vector<SamplerLine>(2)});
  PlainEncoder encoder_;
  ThreadPool encoding_{1};
  const std::shared_ptr<EventStream> events_ =
      std::make_shared<EventStream>(OutputOptions{}, encoder_, encoding_);
  WrittenWork work_;
  std::unique_ptr<Lane> lane_ = std::make_unique<Lane>(0, "cpu");
};

TEST_F(LaneTest, ReportsEveryPlanButOneThatOnlyFreesSlots) {
  Step({Image(0, 0)});
  work_.plans.push_back({.releases = {{kStage, {1, 0}}},
                         .parks = {},
                         .stage = kStage,
                         .images = {}});
  Run();
  ASSERT_THAT(work_.reports, SizeIs(1));
  EXPECT_OK(work_.reports[0].images[0].status);
  EXPECT_EQ(script_.slots_in_use(), 0);
}

TEST_F(LaneTest, TellsWhetherItsThreadHasEnded) {
  EXPECT_TRUE(lane_->WaitUntilEnded(absl::InfinitePast()));
  script_.BlockSteps();
  Step({Image(0, 0)});
  lane_->Run(work_);
  script_.AwaitBlockedSteps(1);
  EXPECT_FALSE(lane_->WaitUntilEnded(absl::InfinitePast()));
  script_.UnblockSteps();
  EXPECT_TRUE(lane_->WaitUntilEnded(absl::InfiniteFuture()));
}

TEST_F(LaneTest, ParksBeforeItSteps) {
  Step({Image(0, 0)});
  Step({Image(1, 0)});
  work_.plans.back().parks = {{kStage, {1, 0}}};
  Run();
  ASSERT_THAT(work_.reports, SizeIs(2));
  ASSERT_THAT(work_.reports[1].parks, SizeIs(1));
  EXPECT_EQ(work_.reports[1].parks[0].image, (ImageId{1, 0}));
  EXPECT_OK(work_.reports[1].parks[0].parked);
  EXPECT_THAT(work_.reports[1].images, SizeIs(1));
}

TEST_F(LaneTest, ReportsAPlanThatOnlyParks) {
  Step({Image(0, 0)});
  work_.plans.push_back({.releases = {},
                         .parks = {{kStage, {1, 0}}},
                         .stage = kStage,
                         .images = {}});
  Run();
  ASSERT_THAT(work_.reports, SizeIs(2));
  EXPECT_THAT(work_.reports[1].parks, SizeIs(1));
  EXPECT_EQ(script_.slots_in_use(), 0);
}

TEST_F(LaneTest, EndsWhenItsDeviceIsLost) {
  script_.FailNextStep(0, absl::UnavailableError("fell off the bus"));
  Step({Image(0, 0)});
  Step({Image(1, 0)});
  Run();
  EXPECT_THAT(work_.losses,
              ElementsAre(HasCode(absl::StatusCode::kUnavailable)));
  EXPECT_THAT(work_.reports, IsEmpty());
  EXPECT_THAT(work_.plans, SizeIs(1));
}

TEST_F(LaneTest, GoesOnAfterAnException) {
  script_.ThrowInNextStep(0, "out of cheese");
  Step({Image(0, 0)});
  Step({Image(1, 0)});
  Run();
  ASSERT_THAT(work_.reports, SizeIs(2));
  EXPECT_THAT(work_.reports[0].images[0].status,
              HasCode(absl::StatusCode::kInternal));
  EXPECT_OK(work_.reports[1].images[0].status);
}

TEST_F(LaneTest, RemovesTheExecutorsOfOneCascade) {
  constexpr StageId kOther = {.cascade = 4, .stage = 0};
  AddStage(kOther);
  EXPECT_EQ(script_.num_executors(), 2);
  lane_->Remove(3);
  EXPECT_EQ(script_.num_executors(), 1);
  // What is left of the old one in a plan is harmless.
  work_.plans.push_back({.releases = {{kStage, {1, 0}}},
                         .parks = {},
                         .stage = kOther,
                         .images = {Image(1, 0)}});
  Run();
  EXPECT_OK(work_.reports[0].images[0].status);
  EXPECT_EQ(script_.num_executors(), 0);
}

}  // namespace
}  // namespace cascade
