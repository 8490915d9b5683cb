#include "models/evaluation/stage_bound.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "models/evaluation/mean_and_error.h"

namespace cascade {
namespace {

// Normal data of variance c, 8-bit; few of them beyond -1 and 1.
constexpr double kC = 0.09;
constexpr double kLevelWidth = 2.0 / 255;
constexpr int kTimesteps = 24;

DiffusionSpec Process() {
  return {.num_timesteps = kTimesteps,
          .schedule = ScheduleKind::kLinear,
          .prediction = PredictionType::kSample,
          .variance = VarianceKind::kLearnedRange};
}

at::Tensor NormalImages(int64_t count) {
  const at::Tensor x0 =
      at::randn({count, 1, 2, 2}, at::TensorOptions(at::kDouble)) *
      std::sqrt(kC);
  return ((x0 + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1;
}

std::vector<int64_t> Numbers(int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// Exact steps for data of variance `c` around a known `mean` of each value:
// x_0's mean given x_t, and a variance output that says Var[x_t-1 | x_t].
at::Tensor ExactOutput(const VariationalBound& bound, double c,
                       const at::Tensor& mean, const at::Tensor& x_t,
                       const std::vector<int>& timesteps) {
  const NoiseSchedule& schedule = bound.schedule();
  std::vector<at::Tensor> rows;
  for (size_t i = 0; i < timesteps.size(); ++i) {
    const int t = timesteps[i];
    const double a = schedule.alpha_bar(t);
    const double gain = std::sqrt(a) * c / (a * c + 1 - a);
    const double rest = c * (1 - a) / (a * c + 1 - a);
    const double weight = schedule.PosteriorX0Weight(t);
    const double variance =
        (t == 0 ? 0 : schedule.PosteriorVariance(t)) + weight * weight * rest;
    const double low = bound.MinLogVariance(t);
    const double high = bound.MaxLogVariance(t);
    const auto row = static_cast<int64_t>(i);
    const at::Tensor x = x_t[row].to(at::kDouble);
    const at::Tensor x0 = mean[row] + gain * (x - std::sqrt(a) * mean[row]);
    rows.push_back(at::cat(
        {x0, at::full_like(
                 x0, 2 * (std::log(variance) - low) / (high - low) - 1)}));
  }
  return at::stack(rows);
}

double Entropy() {
  return 0.5 * std::log(2 * std::numbers::pi * std::numbers::e * kC) -
         std::log(kLevelWidth);
}

// KL(q(x_T) || N(0, 1)) for values of variance c.
double PriorGap(double c) {
  const double a = NoiseSchedule(ScheduleKind::kLinear, kTimesteps)
                       .alpha_bar(kTimesteps - 1);
  const double v = a * c + 1 - a;
  return 0.5 * (v - 1 - std::log(v));
}

class StageBoundTest : public testing::Test {
 protected:
  StageBoundTest() {
    at::set_num_threads(1);
    at::manual_seed(5);
  }

  // The bounds of `x0` by exact steps, nats a value.
  MeanAndError Bounds(const at::Tensor& x0, const StageBound::Options& options,
                      std::vector<TimestepBound>* timesteps = nullptr) const {
    const VariationalBound exact(Process());
    StageBound bound(Process(), options);
    const at::Tensor mean =
        at::full(x0.sizes(), 0, at::TensorOptions(at::kDouble));
    const auto network = [&](const at::Tensor& x_t, const std::vector<int>& t,
                             const std::vector<int64_t>& images) {
      EXPECT_LE(images.size(), static_cast<size_t>(options.batch_rows));
      return ExactOutput(exact, kC, mean, x_t, t);
    };
    MeanAndError total;
    for (const ImageBound& image :
         bound.Evaluate(x0, Numbers(x0.size(0)), network)) {
      total.Add(image.total() / 4);
    }
    if (timesteps) *timesteps = bound.timesteps();
    return total;
  }
};

TEST_F(StageBoundTest, ExactStepsGiveTheEntropy) {
  const MeanAndError total =
      Bounds(NormalImages(1500), {.batch_rows = 500, .clip = false});
  EXPECT_NEAR(total.mean, Entropy() + PriorGap(kC),
              5 * total.StandardError() + 2e-3);
  EXPECT_LT(total.StandardError(), 0.03);
}

TEST_F(StageBoundTest, DrawnTimestepsGiveTheSameSum) {
  const at::Tensor x0 = NormalImages(3000);
  std::vector<TimestepBound> timesteps;
  const MeanAndError drawn =
      Bounds(x0, {.timesteps_per_image = 3, .batch_rows = 500, .clip = false},
             &timesteps);
  EXPECT_NEAR(drawn.mean, Entropy() + PriorGap(kC),
              5 * drawn.StandardError() + 2e-3);
  // Four evaluations an image, the decoder's among them, not 24.
  int64_t evaluations = 0;
  for (const TimestepBound& at : timesteps) evaluations += at.evaluations;
  EXPECT_EQ(evaluations, 4 * 3000);
  EXPECT_EQ(timesteps[0].evaluations, 3000);
  EXPECT_LT(drawn.StandardError(), 0.1);
}

TEST_F(StageBoundTest, NumbersOfAnImageAreItsOwn) {
  const at::Tensor x0 = NormalImages(6);
  const StageBound::Options options{.timesteps_per_image = 3, .batch_rows = 7};
  StageBound together(Process(), options);
  StageBound alone(Process(), options);
  const auto network = [](const at::Tensor& x_t, const std::vector<int>&,
                          const std::vector<int64_t>&) {
    return at::cat({0.5 * x_t, 0 * x_t}, 1);
  };
  const std::vector<ImageBound> all =
      together.Evaluate(x0, std::vector<int64_t>{8, 3, 5, 1, 0, 9}, network);
  const ImageBound third =
      alone.Evaluate(x0.narrow(0, 2, 1), std::vector<int64_t>{5}, network)[0];
  EXPECT_NEAR(third.steps, all[2].steps, 1e-9 * std::abs(third.steps));
  EXPECT_EQ(third.decoder, all[2].decoder);
}

// A cascade of two stages of one resolution: the first stops at s, and the
// second is told x_s. With exact steps the bound is tight, whatever s is: what
// the first does not say, the second does.
TEST_F(StageBoundTest, ATruncatedCascadeOfExactStepsIsTight) {
  const VariationalBound exact(Process());
  const NoiseSchedule& schedule = exact.schedule();
  const int64_t count = 1500;
  const at::Tensor x0 = NormalImages(count);
  for (int s : {1, 6, 15, kTimesteps}) {
    const MeanAndError lower =
        Bounds(x0, {.first_timestep = s, .batch_rows = 500, .clip = false});
    // x_s has index s: the alpha_bar of timestep s - 1.
    const double a = schedule.alpha_bar(s - 1);
    const at::Tensor told =
        std::sqrt(a) * x0 + std::sqrt(1 - a) * at::randn_like(x0);
    const double rest = kC * (1 - a) / (a * kC + 1 - a);
    const at::Tensor mean = std::sqrt(a) * kC / (a * kC + 1 - a) * told;
    StageBound upper(Process(), {.batch_rows = 500, .stage = 1, .clip = false});
    const auto network = [&](const at::Tensor& x_t, const std::vector<int>& t,
                             const std::vector<int64_t>& images) {
      return ExactOutput(exact, rest, mean.index_select(0, at::tensor(images)),
                         x_t, t);
    };
    MeanAndError total;
    for (const ImageBound& image :
         upper.Evaluate(x0, Numbers(count), network)) {
      EXPECT_NE(image.decoder, 0);
      total.Add(image.total() / 4);
    }
    // The second stage's x_T has a known mean, which its prior does not know.
    const double last = schedule.alpha_bar(kTimesteps - 1);
    const double v = last * rest + 1 - last;
    const double upper_gap = 0.5 * (v + last * (kC - rest) - 1 - std::log(v));
    EXPECT_NEAR(lower.mean + total.mean, Entropy() + PriorGap(kC) + upper_gap,
                5 * (total.StandardError() + lower.StandardError()) + 3e-3)
        << "s = " << s;
    // The first stage says less, the earlier it stops.
    EXPECT_LT(lower.mean, Entropy());
  }
}

}  // namespace
}  // namespace cascade
