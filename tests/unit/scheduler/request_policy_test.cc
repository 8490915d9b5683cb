#include "server/scheduler/request_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int kLane = 1;

// Four rows reach the best rate, eight fit.
const BatchCurve& Curve() {
  static const BatchCurve curve = [] {
    ExecutorLimits limits;
    limits.batch_rows = {1, 2, 4, 8};
    limits.costs = {{1, 0.01}, {4, 0.02}, {8, 0.04}};
    return BatchCurve(limits);
  }();
  return curve;
}

// In seconds.
ImageView Image(JobId job, double stage_work, double path_work) {
  ImageView view;
  view.image = {job, 0};
  view.stage_work = absl::Seconds(stage_work);
  view.path_work = absl::Seconds(path_work);
  return view;
}

ImageView Queued(JobId job, double path_work = 9) {
  return Image(job, path_work / 3, path_work);
}

ImageView Between(JobId job, int last_lane, double path_work = 6) {
  ImageView view = Image(job, path_work / 2, path_work);
  view.has_begun = true;
  view.last_lane = last_lane;
  return view;
}

StageView Stage(int index, std::vector<ImageView> resident,
                std::vector<ImageView> ready) {
  StageView stage;
  stage.stage = {0, index};
  stage.curve = &Curve();
  stage.resident = std::move(resident);
  stage.ready = std::move(ready);
  stage.free_slots = 64;
  stage.credits = {64, 64, 64};
  return stage;
}

LaneView Lane(std::vector<StageView> stages) {
  LaneView lane;
  lane.lane = kLane;
  lane.stages = std::move(stages);
  return lane;
}

std::vector<JobId> Jobs(const std::vector<ImageId>& images) {
  std::vector<JobId> jobs;
  for (const ImageId image : images) jobs.push_back(image.job);
  return jobs;
}

TEST(RequestPolicyTest, DoesNothingWithoutImages) {
  EXPECT_EQ(ChooseWholeRequests(Lane({Stage(0, {}, {})})), std::nullopt);
}

TEST(RequestPolicyTest, AGroupIsThoseThatCameFirstUpToThePreferredRows) {
  std::vector<ImageView> ready;
  for (const JobId job : {6, 2, 5, 1, 4, 3}) ready.push_back(Queued(job));
  const auto choice = ChooseWholeRequests(Lane({Stage(0, {}, ready)}));
  EXPECT_THAT(Jobs(choice->ready), ElementsAre(1, 2, 3, 4));
}

TEST(RequestPolicyTest, AGroupHasTheSameStepsToGo) {
  const auto choice = ChooseWholeRequests(
      Lane({Stage(0, {}, {Queued(1, 9), Queued(2, 90), Queued(3, 9)})}));
  EXPECT_THAT(Jobs(choice->ready), ElementsAre(1, 3));
}

TEST(RequestPolicyTest, NeitherRankNorDeadlineMatters) {
  ImageView urgent = Queued(2, 3);
  urgent.effective_rank = -1;
  urgent.due = absl::InfinitePast();
  const auto choice =
      ChooseWholeRequests(Lane({Stage(0, {}, {urgent, Queued(1, 90)})}));
  EXPECT_THAT(Jobs(choice->ready), ElementsAre(1));
}

TEST(RequestPolicyTest, OfTheStagesWhereRequestsBeginTheFirstToComeGoesFirst) {
  const auto choice = ChooseWholeRequests(
      Lane({Stage(0, {}, {Queued(2)}), Stage(1, {}, {Queued(1)})}));
  EXPECT_EQ(choice->stage.stage, 1);
  EXPECT_THAT(Jobs(choice->ready), ElementsAre(1));
}

TEST(RequestPolicyTest, NobodyJoinsAGroupThatRuns) {
  const auto choice = ChooseWholeRequests(
      Lane({Stage(0, {Queued(1), Queued(2)}, {Queued(3)}), Stage(1, {}, {})}));
  EXPECT_THAT(Jobs(choice->resident), ElementsAre(1, 2));
  EXPECT_THAT(choice->ready, IsEmpty());
}

TEST(RequestPolicyTest, AGroupGoesOnTogether) {
  // 1 and 2 are done with stage 0; 3 came since.
  const auto choice = ChooseWholeRequests(
      Lane({Stage(0, {}, {Queued(3)}),
            Stage(1, {}, {Between(1, kLane), Between(2, kLane)})}));
  EXPECT_EQ(choice->stage.stage, 1);
  EXPECT_THAT(Jobs(choice->ready), ElementsAre(1, 2));
}

TEST(RequestPolicyTest, GroupsOfOtherLanesAreTheirs) {
  const auto choice = ChooseWholeRequests(
      Lane({Stage(0, {}, {Queued(3)}), Stage(1, {}, {Between(1, kLane + 1)})}));
  EXPECT_THAT(Jobs(choice->ready), ElementsAre(3));
}

TEST(RequestPolicyTest, AnImageWhoseLaneDoesNotGoOnWaitsForAnotherGroup) {
  const auto choice = ChooseWholeRequests(
      Lane({Stage(1, {}, {Between(2, -1), Between(1, -1)})}));
  EXPECT_THAT(Jobs(choice->ready), ElementsAre(1, 2));
}

TEST(RequestPolicyTest, WhoIsFarthestBehindGoesFirst) {
  // Not all had room in stage 1 at once.
  const auto choice = ChooseWholeRequests(
      Lane({Stage(1, {Image(1, 1, 4), Image(2, 2, 5)}, {Between(3, kLane)}),
            Stage(2, {}, {Between(4, kLane, 3)})}));
  EXPECT_EQ(choice->stage.stage, 1);
  EXPECT_THAT(Jobs(choice->resident), ElementsAre(2, 1));
  EXPECT_THAT(Jobs(choice->ready), ElementsAre(3));
}

TEST(RequestPolicyTest, AGroupRunsInFullBatchesOfEachStage) {
  std::vector<ImageView> resident;
  for (JobId job = 1; job <= 10; ++job) resident.push_back(Image(job, 1, 1));
  const auto choice = ChooseWholeRequests(Lane({Stage(1, resident, {})}));
  EXPECT_EQ(choice->resident.size(), 8u);
}

TEST(RequestPolicyTest, TakesNoMoreThanItHasSlotsAndCredits) {
  std::vector<ImageView> ready;
  for (JobId job = 1; job <= 4; ++job) {
    ready.push_back(Queued(job));
    ready.back().needs_credit = true;
  }
  StageView stage = Stage(0, {}, ready);
  stage.free_slots = 3;
  EXPECT_EQ(ChooseWholeRequests(Lane({stage}))->ready.size(), 3u);
  stage.credits = {2, 1, 0};
  EXPECT_EQ(ChooseWholeRequests(Lane({stage}))->ready.size(), 2u);
  stage.credits = {0, 0, 0};
  EXPECT_EQ(ChooseWholeRequests(Lane({stage})), std::nullopt);
}

}  // namespace
}  // namespace cascade
