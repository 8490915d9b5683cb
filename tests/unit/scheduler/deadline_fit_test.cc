#include "server/scheduler/deadline_fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace cascade {
namespace {

// 0.4 s, 1 s and 2.4 s.
const std::vector<StageBudget> kStages = {
    {.steps = 40, .step_time = absl::Milliseconds(10)},
    {.steps = 20, .step_time = absl::Milliseconds(50)},
    {.steps = 12, .step_time = absl::Milliseconds(200)}};

DeadlineFit Whole() { return {.target_stage = 2, .steps = {40, 20, 12}}; }

TEST(DeadlineFitTest, KeepsAllStepsThatFit) {
  EXPECT_EQ(FitDeadline(kStages, 0, 2, absl::Seconds(3.8)), Whole());
  EXPECT_EQ(FitDeadline(kStages, 0, 2, absl::InfiniteDuration()), Whole());
}

TEST(DeadlineFitTest, TakesTheSameFractionOfEveryStage) {
  const DeadlineFit half = {
      .target_stage = 2, .steps = {20, 10, 6}, .reduced = true};
  EXPECT_EQ(FitDeadline(kStages, 0, 2, absl::Seconds(1.9)), half);
  // A little less than half.
  EXPECT_EQ(FitDeadline(kStages, 0, 2, absl::Seconds(1.89))->steps,
            (std::vector<int>{19, 9, 5}));
}

TEST(DeadlineFitTest, NeverTakesLessThanAQuarter) {
  const DeadlineFit quarter = {
      .target_stage = 2, .steps = {10, 5, 3}, .reduced = true};
  EXPECT_EQ(FitDeadline(kStages, 0, 2, absl::Seconds(0.95)), quarter);
}

TEST(DeadlineFitTest, LowersTheTargetWhenAQuarterDoesNotFit) {
  // The two stages take 1.4 s, a quarter of all three 0.95 s.
  const DeadlineFit lower = {
      .target_stage = 1, .steps = {27, 13}, .reduced = true};
  EXPECT_EQ(FitDeadline(kStages, 0, 2, absl::Seconds(0.94)), lower);
  const DeadlineFit base = {.target_stage = 0, .steps = {34}, .reduced = true};
  EXPECT_EQ(FitDeadline(kStages, 0, 2, absl::Seconds(0.34)), base);
  EXPECT_EQ(FitDeadline(kStages, 0, 2, absl::Seconds(0.09)), std::nullopt);
}

TEST(DeadlineFitTest, ALowerTargetMayKeepAllItsSteps) {
  std::vector<StageBudget> stages = kStages;
  stages[2].step_time = absl::Seconds(9);
  const DeadlineFit lower = {
      .target_stage = 1, .steps = {40, 20}, .reduced = true};
  EXPECT_EQ(FitDeadline(stages, 0, 2, absl::Seconds(2)), lower);
}

TEST(DeadlineFitTest, StagesBeforeTheFirstTakeNoTimeAndKeepTheirSteps) {
  const DeadlineFit fit = {
      .target_stage = 2, .steps = {40, 10, 6}, .reduced = true};
  EXPECT_EQ(FitDeadline(kStages, 1, 2, absl::Seconds(1.7)), fit);
  EXPECT_EQ(FitDeadline(kStages, 1, 2, absl::Seconds(0.2)), std::nullopt);
}

TEST(DeadlineFitTest, AStageThatStopsEarlyRunsWholeWhereItIsTheTarget) {
  const std::vector<StageBudget> stages = {
      {.steps = 4,
       .step_time = absl::Milliseconds(10),
       .evaluations_per_step = 0.5},
      {.steps = 4, .step_time = absl::Milliseconds(10)}};
  // One of the two evaluations, and one.
  const DeadlineFit both = {
      .target_stage = 1, .steps = {1, 1}, .reduced = true};
  EXPECT_EQ(FitDeadline(stages, 0, 1, absl::Milliseconds(20)), both);
  const DeadlineFit lower = {.target_stage = 0, .steps = {1}, .reduced = true};
  EXPECT_EQ(FitDeadline(stages, 0, 1, absl::Milliseconds(19)), lower);
  const DeadlineFit two = {.target_stage = 0, .steps = {2}, .reduced = true};
  EXPECT_EQ(FitDeadline({stages.data(), 1}, 0, 0, absl::Milliseconds(20)), two);
}

class RandomBudget {
 public:
  std::vector<StageBudget> Stages() {
    std::vector<StageBudget> stages(3);
    for (StageBudget& stage : stages) {
      stage.steps = 1 + Below(60);
      stage.step_time = absl::Microseconds(1 + Below(20000));
    }
    return stages;
  }
  int Below(int n) {
    return static_cast<int>(random_() % static_cast<unsigned>(n));
  }

 private:
  std::mt19937 random_{9};
};

absl::Duration Needed(const std::vector<StageBudget>& stages,
                      size_t first_stage, const std::vector<int>& steps) {
  absl::Duration needed;
  for (size_t k = first_stage; k < steps.size(); ++k) {
    needed += steps[k] * stages[k].step_time;
  }
  return needed;
}

int Fewest(const StageBudget& stage) {
  return std::min(stage.steps, (stage.steps + 3) / 4);
}

// The steps at the next larger fraction at which any stage has one more.
std::vector<int> OneMore(const std::vector<StageBudget>& stages,
                         size_t first_stage, const std::vector<int>& steps) {
  int longest = 0;
  for (size_t k = first_stage; k < steps.size(); ++k) {
    longest = std::max(longest, stages[k].steps);
  }
  std::vector<int> more = steps;
  for (int part = 1; part <= longest && more == steps; ++part) {
    for (size_t k = first_stage; k < steps.size(); ++k) {
      more[k] = std::max(more[k], stages[k].steps * part / longest);
    }
  }
  return more;
}

TEST(DeadlineFitTest, WhatComesBackFitsAndNothingMoreDoes) {
  RandomBudget random;
  for (int round = 0; round < 5000; ++round) {
    const std::vector<StageBudget> stages = random.Stages();
    const int first_stage = random.Below(2);
    const size_t first = static_cast<size_t>(first_stage);
    const absl::Duration time = absl::Milliseconds(random.Below(1500));
    std::vector<int> fewest;
    for (const StageBudget& stage : stages) fewest.push_back(Fewest(stage));
    const auto fit = FitDeadline(stages, first_stage, 2, time);
    if (!fit.has_value()) {
      fewest.resize(first + 1);
      ASSERT_GT(Needed(stages, first, fewest), time);
      continue;
    }
    ASSERT_LE(Needed(stages, first, fit->steps), time);
    bool is_reduced = fit->target_stage < 2;
    for (size_t k = first; k < fit->steps.size(); ++k) {
      ASSERT_GE(fit->steps[k], fewest[k]);
      ASSERT_LE(fit->steps[k], stages[k].steps);
      is_reduced = is_reduced || fit->steps[k] < stages[k].steps;
    }
    ASSERT_EQ(fit->reduced, is_reduced);
    if (fit->target_stage < 2) {  // Not even the fewest steps of one more.
      fewest.resize(fit->steps.size() + 1);
      ASSERT_GT(Needed(stages, first, fewest), time);
    }
    const std::vector<int> more = OneMore(stages, first, fit->steps);
    if (more != fit->steps) {
      ASSERT_GT(Needed(stages, first, more), time);
    }
  }
}

TEST(DeadlineFitTest, MoreTimeNeverGivesLess) {
  RandomBudget random;
  for (int round = 0; round < 200; ++round) {
    const std::vector<StageBudget> stages = random.Stages();
    std::optional<DeadlineFit> before;
    for (absl::Duration time; time < absl::Seconds(3);
         time += absl::Milliseconds(7)) {
      const auto fit = FitDeadline(stages, 0, 2, time);
      if (before.has_value()) {
        ASSERT_TRUE(fit.has_value());
        ASSERT_GE(fit->target_stage, before->target_stage);
        if (fit->target_stage == before->target_stage) {
          for (size_t k = 0; k < fit->steps.size(); ++k) {
            ASSERT_GE(fit->steps[k], before->steps[k]);
          }
        }
      }
      before = fit;
    }
  }
}

}  // namespace
}  // namespace cascade
