#include "server/scheduler/step_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

BatchCurve Curve(std::vector<BatchCost> costs) {
  ExecutorLimits limits;
  limits.batch_rows = {1, costs.back().rows};
  limits.costs = std::move(costs);
  return BatchCurve(limits);
}

// Gains five times from batches of eight...
const BatchCurve& Small() {
  static const BatchCurve curve =
      Curve({{1, 0.005}, {2, 0.0055}, {4, 0.0065}, {8, 0.008}});
  return curve;
}
// ... and gains nothing at all.
const BatchCurve& Large() {
  static const BatchCurve curve = Curve({{1, 0.05}, {2, 0.1}, {8, 0.4}});
  return curve;
}

ImageView Image(JobId job, absl::Duration work,
                absl::Duration waited = absl::ZeroDuration()) {
  return {.image = {job, 0},
          .rows = 1,
          .stage_work = work,
          .path_work = work,
          .waited = waited};
}

StageView Stage(int index, const BatchCurve& curve) {
  StageView stage;
  stage.stage = {0, index};
  stage.curve = &curve;
  stage.free_slots = 64;
  stage.credits = {64, 64, 64};
  return stage;
}

// A lane that serves all there is.
LaneView Lane(std::vector<StageView> stages) {
  LaneView lane;
  lane.num_images = 0;
  for (const StageView& stage : stages) {
    lane.num_ready += static_cast<int>(stage.ready.size());
    lane.num_images +=
        static_cast<int>(stage.ready.size() + stage.resident.size());
    for (const ImageView& image : stage.resident) {
      lane.lane_work += image.stage_work;
    }
    for (const ImageView& image : stage.ready) {
      lane.fair_work += image.stage_work;
    }
  }
  lane.fair_work += lane.lane_work;
  lane.stages = std::move(stages);
  return lane;
}

std::vector<JobId> Jobs(const std::vector<ImageId>& images) {
  std::vector<JobId> jobs;
  for (const ImageId image : images) jobs.push_back(image.job);
  return jobs;
}

TEST(StepPolicyTest, DoesNothingWithoutImages) {
  EXPECT_EQ(ChooseStep(Lane({Stage(0, Small()), Stage(1, Large())})),
            std::nullopt);
}

TEST(StepPolicyTest, ALoneImageRunsAtOnce) {
  StageView stage = Stage(0, Small());
  stage.ready = {Image(1, absl::Seconds(1))};
  const auto choice = ChooseStep(Lane({stage}));
  ASSERT_TRUE(choice.has_value());
  EXPECT_THAT(Jobs(choice->ready), ElementsAre(1));
}

TEST(StepPolicyTest, NewcomersJoinTheBatchOfThoseThatAreThere) {
  StageView stage = Stage(0, Small());
  stage.resident = {Image(1, absl::Seconds(1))};
  stage.ready = {Image(2, absl::Seconds(2)), Image(3, absl::Seconds(2))};
  const auto choice = ChooseStep(Lane({stage}));
  EXPECT_THAT(Jobs(choice->resident), ElementsAre(1));
  EXPECT_THAT(Jobs(choice->ready), ElementsAre(2, 3));
}

TEST(StepPolicyTest, ABatchIsNoLargerThanPaysOff) {
  StageView large = Stage(0, Large());
  for (JobId job = 1; job <= 5; ++job) {
    large.ready.push_back(Image(job, absl::Seconds(1)));
  }
  EXPECT_THAT(Jobs(ChooseStep(Lane({large}))->ready), ElementsAre(1));
}

TEST(StepPolicyTest, AnImageOfTwoRowsRunsWhereOneRowIsPreferred) {
  StageView large = Stage(0, Large());
  large.ready = {Image(1, absl::Seconds(1))};
  large.ready[0].rows = 2;
  EXPECT_THAT(Jobs(ChooseStep(Lane({large}))->ready), ElementsAre(1));
}

TEST(StepPolicyTest, LeastWorkLeftGoesFirstInAStage) {
  StageView large = Stage(0, Large());
  large.resident = {Image(1, absl::Seconds(3)), Image(2, absl::Seconds(1)),
                    Image(3, absl::Seconds(2))};
  EXPECT_THAT(Jobs(ChooseStep(Lane({large}))->resident), ElementsAre(2));
}

TEST(StepPolicyTest, OfEfficientBatchesTheOneCloserToItsEndRuns) {
  StageView small = Stage(0, Small());
  for (JobId job = 1; job <= 8; ++job) {
    small.resident.push_back(Image(job, absl::Seconds(9)));
  }
  StageView large = Stage(1, Large());
  large.resident = {Image(9, absl::Seconds(1))};
  EXPECT_EQ(ChooseStep(Lane({small, large}))->stage.stage, 1);
}

TEST(StepPolicyTest, AnInefficientBatchWaitsForCompanyWhileOthersRun) {
  StageView low = Stage(0, Small());
  for (JobId job = 1; job <= 8; ++job) {
    low.resident.push_back(Image(job, absl::Seconds(9)));
  }
  StageView high = Stage(1, Small());
  high.ready = {Image(9, absl::Seconds(1))};
  EXPECT_EQ(ChooseStep(Lane({low, high}))->stage.stage, 0);
  // But not for ever: 9 images x 5 ms.
  high.ready[0].waited = absl::Milliseconds(50);
  EXPECT_EQ(ChooseStep(Lane({low, high}))->stage.stage, 1);
}

TEST(StepPolicyTest, TheLongestUndueWaitGoesFirst) {
  StageView low = Stage(0, Small());
  low.resident = {Image(1, absl::Seconds(1), absl::Seconds(2))};
  StageView high = Stage(1, Small());
  high.resident = {Image(2, absl::Seconds(1), absl::Seconds(1))};
  EXPECT_EQ(ChooseStep(Lane({low, high}))->stage.stage, 0);
}

TEST(StepPolicyTest, LeavesReadyImagesToIdleLanes) {
  StageView stage = Stage(0, Small());
  stage.resident = {Image(1, absl::Seconds(1))};
  stage.ready = {Image(2, absl::Seconds(9))};
  LaneView lane = Lane({stage});
  lane.idle_lanes = 1;
  EXPECT_THAT(ChooseStep(lane)->ready, IsEmpty());
}

TEST(StepPolicyTest, ALaneTakesItsFairShareOfTheWork) {
  StageView stage = Stage(0, Small());
  for (JobId job = 1; job <= 6; ++job) {
    stage.ready.push_back(Image(job, absl::Seconds(1)));
  }
  LaneView lane = Lane({stage});
  lane.fair_work /= 2;  // Two lanes.
  EXPECT_THAT(Jobs(ChooseStep(lane)->ready), ElementsAre(1, 2, 3));
}

TEST(StepPolicyTest, ALaneWithMoreThanItsShareTakesNothing) {
  StageView stage = Stage(0, Small());
  stage.resident = {Image(1, absl::Seconds(5))};
  stage.ready = {Image(2, absl::Seconds(1))};
  LaneView lane = Lane({stage});
  lane.fair_work /= 2;
  EXPECT_THAT(ChooseStep(lane)->ready, IsEmpty());
}

TEST(StepPolicyTest, LetsInAsManyAsThereAreCredits) {
  StageView base = Stage(0, Small());
  base.ready = {Image(1, absl::Seconds(1)), Image(2, absl::Seconds(1)),
                Image(3, absl::Seconds(1))};
  base.ready[0].needs_credit = base.ready[1].needs_credit = true;
  base.credits = {1, 1, 1};
  // The last one ends in this stage.
  EXPECT_THAT(Jobs(ChooseStep(Lane({base}))->ready), ElementsAre(1, 3));
}

TEST(StepPolicyTest, ABetterRankGoesFirst) {
  StageView large = Stage(0, Large());
  large.resident = {Image(1, absl::Seconds(1)), Image(2, absl::Seconds(3))};
  large.resident[0].rank = large.resident[0].effective_rank = 1;
  EXPECT_THAT(Jobs(ChooseStep(Lane({large}))->resident), ElementsAre(2));
  // Until the other has waited so long that it counts as better.
  large.resident[0].effective_rank = -1;
  EXPECT_THAT(Jobs(ChooseStep(Lane({large}))->resident), ElementsAre(1));
}

TEST(StepPolicyTest, ATenantThatHasHadLessGoesFirst) {
  StageView large = Stage(0, Large());
  large.resident = {Image(1, absl::Seconds(1)), Image(2, absl::Seconds(3))};
  large.resident[0].tenant_lead = 1;
  EXPECT_THAT(Jobs(ChooseStep(Lane({large}))->resident), ElementsAre(2));
}

TEST(StepPolicyTest, WhoIsDueEarlierGoesFirst) {
  StageView large = Stage(0, Large());
  large.resident = {Image(1, absl::Seconds(1)), Image(2, absl::Seconds(3))};
  large.resident[0].due = absl::UnixEpoch() + absl::Seconds(9);
  large.resident[1].due = absl::UnixEpoch() + absl::Seconds(8);
  EXPECT_THAT(Jobs(ChooseStep(Lane({large}))->resident), ElementsAre(2));
}

TEST(StepPolicyTest, ABetterRankOutweighsEfficiency) {
  StageView low = Stage(0, Small());
  for (JobId job = 1; job <= 8; ++job) {
    low.resident.push_back(Image(job, absl::Seconds(1)));
    low.resident.back().rank = low.resident.back().effective_rank = 1;
  }
  StageView high = Stage(1, Small());
  high.resident = {Image(9, absl::Seconds(9))};
  EXPECT_EQ(ChooseStep(Lane({low, high}))->stage.stage, 1);
}

TEST(StepPolicyTest, AWorseRankJoinsWhileItAtMostDoublesTheStep) {
  const BatchCurve curve = Curve({{1, 0.004}, {8, 0.008}, {32, 0.016}});
  StageView stage = Stage(0, curve);
  for (JobId job = 1; job <= 32; ++job) {
    stage.resident.push_back(Image(job, absl::Seconds(1)));
  }
  EXPECT_EQ(ChooseStep(Lane({stage}))->resident.size(), 32u);
  for (size_t i = 1; i < 32; ++i) {
    stage.resident[i].rank = stage.resident[i].effective_rank = 1;
  }
  EXPECT_EQ(ChooseStep(Lane({stage}))->resident.size(), 8u);
}

TEST(StepPolicyTest, AResidentImageMakesRoomForABetterRank) {
  StageView stage = Stage(0, Small());
  stage.free_slots = 0;
  stage.resident = {Image(1, absl::Seconds(1)), Image(2, absl::Seconds(2))};
  for (ImageView& image : stage.resident) {
    image.rank = image.effective_rank = 1;
  }
  stage.ready = {Image(3, absl::Seconds(1))};
  const auto choice = ChooseStep(Lane({stage}));
  EXPECT_THAT(Jobs(choice->ready), ElementsAre(3));
  EXPECT_THAT(Jobs(choice->parked), ElementsAre(2));
  EXPECT_THAT(Jobs(choice->resident), ElementsAre(1));
  // Not for one of its own rank.
  stage.ready[0].rank = stage.ready[0].effective_rank = 1;
  EXPECT_THAT(ChooseStep(Lane({stage}))->parked, IsEmpty());
}

TEST(StepPolicyTest, TakesNoMoreImagesThanItHasSlots) {
  StageView stage = Stage(1, Small());
  stage.ready = {Image(1, absl::Seconds(1)), Image(2, absl::Seconds(1))};
  stage.free_slots = 1;
  EXPECT_THAT(Jobs(ChooseStep(Lane({stage}))->ready), ElementsAre(1));
}

// Over random snapshots: a choice fits, names images that are there, each once,
// and there is one whenever the lane has an image.
TEST(StepPolicyTest, AnyChoiceIsValid) {
  std::mt19937 random(7);
  const auto below = [&random](int n) {
    return static_cast<int>(random() % static_cast<unsigned>(n));
  };
  for (int round = 0; round < 5000; ++round) {
    std::vector<StageView> stages;
    JobId next = 1;
    for (int k = 0; k < 3; ++k) {
      StageView stage = Stage(k, k == 2 ? Large() : Small());
      stage.free_slots = below(4);
      stage.credits = {2 + below(3), 1 + below(2), below(2)};
      const auto image = [&] {
        ImageView view = Image(next++, absl::Milliseconds(below(500)),
                               absl::Milliseconds(below(400)));
        view.rows = 1 + below(2);
        view.rank = below(3);
        view.effective_rank = view.rank - below(2);
        view.tenant_lead = below(3);
        view.needs_credit = below(2) == 0;
        return view;
      };
      for (int i = below(10); i > 0; --i) stage.resident.push_back(image());
      for (int i = below(10); i > 0; --i) stage.ready.push_back(image());
      stages.push_back(stage);
    }
    LaneView lane = Lane(stages);
    lane.idle_lanes = below(3);
    lane.fair_work = absl::Milliseconds(below(3000));
    const auto choice = ChooseStep(lane);
    bool has_resident = false;
    for (const StageView& s : lane.stages) has_resident |= !s.resident.empty();
    if (!choice.has_value()) {
      ASSERT_FALSE(has_resident);
      continue;
    }
    const StageView& stage =
        lane.stages[static_cast<size_t>(choice->stage.stage)];
    ASSERT_FALSE(choice->resident.empty() && choice->ready.empty());
    ASSERT_LE(choice->ready.size(),
              static_cast<size_t>(stage.free_slots) + choice->parked.size());
    int credits = 0;
    for (const ImageView& image : stage.ready) {
      const bool enters = std::find(choice->ready.begin(), choice->ready.end(),
                                    image.image) != choice->ready.end();
      if (enters && image.needs_credit) ++credits;
    }
    ASSERT_LE(credits, stage.credits[0]);
    int rows = 0;
    std::set<ImageId> chosen;
    const auto count = [&](const std::vector<ImageView>& from,
                           const std::vector<ImageId>& images) {
      for (const ImageId id : images) {
        ASSERT_TRUE(chosen.insert(id).second);
        const auto found =
            std::find_if(from.begin(), from.end(),
                         [id](const ImageView& v) { return v.image == id; });
        ASSERT_NE(found, from.end());
        rows += found->rows;
      }
    };
    count(stage.resident, choice->resident);
    count(stage.ready, choice->ready);
    for (const ImageId parked : choice->parked) {
      ASSERT_FALSE(chosen.contains(parked));
    }
    if (chosen.size() > 1) {
      ASSERT_LE(rows, stage.curve->preferred_rows());
    }
    ASSERT_LE(rows, stage.curve->max_rows());
  }
}

}  // namespace
}  // namespace cascade
