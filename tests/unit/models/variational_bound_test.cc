#include "models/training/variational_bound.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "models/training/discretized_likelihood.h"

namespace cascade {
namespace {

constexpr double kLevelWidth = 2.0 / 255;

at::TensorOptions Double() { return at::TensorOptions(at::kDouble); }

// The 256 levels of an 8-bit value, as [256, 1, 1, 1].
at::Tensor Levels() {
  return (at::arange(256, Double()) / 127.5 - 1).view({256, 1, 1, 1});
}

TEST(DiscretizedLikelihoodTest, TheLevelsHaveProbabilityOne) {
  const at::Tensor levels = Levels();
  for (double mean : {-3.0, -1.0, -0.2, 0.0, 0.7, 1.1}) {
    for (double scale : {1e-4, 1e-3, 0.02, 0.5, 4.0}) {
      const at::Tensor log_likelihood =
          DiscretizedLogLikelihood(levels, at::full_like(levels, mean),
                                   at::full_like(levels, std::log(scale)));
      EXPECT_TRUE(log_likelihood.isfinite().all().item<bool>())
          << mean << " " << scale;
      EXPECT_NEAR(log_likelihood.exp().sum().item<double>(), 1, 1e-9)
          << mean << " " << scale;
    }
  }
}

// Far from the ends and wide against a level it is the density times the width
// of a level, in the tails as well.
TEST(DiscretizedLikelihoodTest, IsTheDensityTimesTheWidth) {
  const double scale = 0.05;
  const at::Tensor levels = Levels().narrow(0, 1, 254);
  const at::Tensor expected =
      -0.5 * (levels / scale).square() - std::log(scale) -
      0.5 * std::log(2 * std::numbers::pi) + std::log(kLevelWidth);
  const at::Tensor actual = DiscretizedLogLikelihood(
      levels, at::zeros_like(levels), at::full_like(levels, std::log(scale)));
  // The error of the midpoint rule is relative (width / scale)^2 / 24 times
  // the curvature, (x / scale)^2 - 1.
  const at::Tensor bound = (kLevelWidth * kLevelWidth / (scale * scale) / 24) *
                               ((levels / scale).square() + 1) +
                           1e-3;
  EXPECT_TRUE(((actual - expected).abs() < bound).all().item<bool>());
}

TEST(DiscretizedLikelihoodTest, HasGradientsInTheTails) {
  at::Tensor log_scale = at::full({1, 1, 1, 1}, std::log(0.01f));
  log_scale.requires_grad_(true);
  const at::Tensor x = at::full({1, 1, 1, 1}, 0.5f);
  const at::Tensor mean = at::full({1, 1, 1, 1}, -0.5f);
  DiscretizedLogLikelihood(x, mean, log_scale).sum().backward();
  // d/d log_scale of -z^2 / 2 - log_scale with z = 1 / 0.01, less half a level.
  EXPECT_NEAR(log_scale.grad().item<double>(), 1e4, 0.02 * 1e4);
}

DiffusionSpec LinearProcess(int num_timesteps, VarianceKind variance) {
  return {.num_timesteps = num_timesteps,
          .schedule = ScheduleKind::kLinear,
          .prediction = PredictionType::kSample,
          .variance = variance};
}

// Data that are normal with variance c have an exact denoiser and exact reverse
// steps.
class NormalData {
 public:
  NormalData(double c, const VariationalBound& bound)
      : c_(c), schedule_(bound.schedule()), bound_(&bound) {}

  // E[x_0 | x_t] = GainAt(t) x_t.
  double GainAt(int t) const {
    const double a = schedule_.alpha_bar(t);
    return std::sqrt(a) * c_ / (a * c_ + 1 - a);
  }
  // Var[x_0 | x_t].
  double RestAt(int t) const {
    const double a = schedule_.alpha_bar(t);
    return c_ * (1 - a) / (a * c_ + 1 - a);
  }
  // Var[x_{t-1} | x_t], of which x_0's posterior is a part.
  double ReverseVarianceAt(int t) const {
    const double weight = schedule_.PosteriorX0Weight(t);
    return (t == 0 ? 0 : schedule_.PosteriorVariance(t)) +
           weight * weight * RestAt(t);
  }
  // What the variance's channels say for ReverseVarianceAt(t).
  double VarianceOutputAt(int t) const {
    const double low = bound_->MinLogVariance(t);
    const double high = bound_->MaxLogVariance(t);
    return 2 * (std::log(ReverseVarianceAt(t)) - low) / (high - low) - 1;
  }

 private:
  const double c_;
  const NoiseSchedule schedule_;
  const VariationalBound* const bound_;
};

// The mean of a term over normal data, in nats a value: from `count` values in
// one image.
struct Estimate {
  double mean = 0;
  double error = 0;  // Its standard error.
};

Estimate TermAt(const VariationalBound& bound, const NormalData& data, double c,
                int t, bool learned, bool rounded) {
  const int64_t count = 20000;
  // One value an image, so that Terms() gives each its own.
  at::Tensor x0 = at::randn({count, 1, 1, 1}, Double()) * std::sqrt(c);
  if (rounded) x0 = ((x0 + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1;
  const std::vector<int> timesteps(static_cast<size_t>(count), t);
  const at::Tensor x_t =
      bound.Noised(x0, at::randn({count, 1, 1, 1}, Double()), timesteps);
  at::Tensor output = data.GainAt(t) * x_t;
  if (learned) {
    output = at::cat({output, at::full_like(x_t, data.VarianceOutputAt(t))}, 1);
  }
  const at::Tensor terms =
      bound.Terms(x0, x_t, output, timesteps, /*clip=*/false);
  return {.mean = terms.mean().item<double>(),
          .error = terms.std().item<double>() /
                   std::sqrt(static_cast<double>(count))};
}

TEST(VariationalBoundTest, TermsOfNormalDataAreKnown) {
  at::manual_seed(1);
  const double c = 0.09;
  for (VarianceKind kind :
       {VarianceKind::kFixedSmall, VarianceKind::kFixedLarge}) {
    const VariationalBound bound(LinearProcess(20, kind));
    const NormalData data(c, bound);
    const NoiseSchedule& schedule = bound.schedule();
    for (int t : {1, 2, 10, 19}) {
      const double variance = kind == VarianceKind::kFixedSmall
                                  ? schedule.PosteriorVariance(t)
                                  : schedule.beta(t);
      const double ratio = schedule.PosteriorVariance(t) / variance;
      const double weight = schedule.PosteriorX0Weight(t);
      const double expected =
          0.5 * (ratio - 1 - std::log(ratio) +
                 weight * weight * data.RestAt(t) / variance);
      const Estimate term = TermAt(bound, data, c, t, false, false);
      EXPECT_NEAR(term.mean, expected, 5 * term.error) << t;
    }
  }
}

// With exact reverse steps the bound is tight: all terms sum to the entropy of
// the data, and the divergence of x_T from its prior.
TEST(VariationalBoundTest, WithExactStepsTheSumIsTheEntropy) {
  at::manual_seed(2);
  const double c = 0.09;  // |x_0| > 1 is one in a thousand.
  const VariationalBound bound(LinearProcess(30, VarianceKind::kLearnedRange));
  const NormalData data(c, bound);
  double sum = 0;
  double square_error = 0;
  for (int t = 0; t < 30; ++t) {
    const Estimate term = TermAt(bound, data, c, t, true, true);
    sum += term.mean;
    square_error += term.error * term.error;
  }
  const at::Tensor x0 = at::randn({100000, 1, 1, 1}, Double()) * std::sqrt(c);
  sum += bound.Prior(x0).mean().item<double>();

  const double entropy =
      0.5 * std::log(2 * std::numbers::pi * std::numbers::e * c) -
      std::log(kLevelWidth);
  const double a = bound.schedule().alpha_bar(29);
  const double v = a * c + 1 - a;
  const double prior = 0.5 * (v - 1 - std::log(v));
  // The levels at both ends take in the tails: below a thousandth.
  EXPECT_NEAR(sum, entropy + prior, 5 * std::sqrt(square_error) + 2e-3);
  EXPECT_GT(entropy, 3);  // The comparison is of a number that matters.
}

// Standard normal data stay as they are under the process, whose exact reverse
// steps have variance beta.
TEST(VariationalBoundTest, FixedLargeIsExactForStandardNormalData) {
  const VariationalBound bound(LinearProcess(20, VarianceKind::kFixedLarge));
  const NormalData data(1, bound);
  for (int t : {1, 5, 19}) {
    EXPECT_NEAR(data.ReverseVarianceAt(t), std::exp(bound.MinLogVariance(t)),
                1e-12);
  }
  // At the first step the posterior's, for the decoder's sake.
  EXPECT_DOUBLE_EQ(std::exp(bound.MinLogVariance(0)),
                   bound.schedule().PosteriorVariance(1));
}

TEST(VariationalBoundTest, ThePriorIsADivergence) {
  const VariationalBound bound(LinearProcess(4, VarianceKind::kFixedSmall));
  const double a = bound.schedule().alpha_bar(3);
  const at::Tensor x0 = at::full({1, 1, 2, 2}, 0.5, Double());
  // KL(N(m, v) || N(0, 1)) of four values.
  const double m = std::sqrt(a) * 0.5;
  const double v = 1 - a;
  EXPECT_NEAR(bound.Prior(x0).item<double>(),
              4 * 0.5 * (m * m + v - 1 - std::log(v)), 1e-12);
}

TEST(VariationalBoundTest, VarianceChannelsSpanBothVariances) {
  const VariationalBound bound(LinearProcess(10, VarianceKind::kLearnedRange));
  const NoiseSchedule& schedule = bound.schedule();
  const at::Tensor x0 = at::full({1, 1, 1, 1}, 0.3, Double());
  const at::Tensor x_t = at::full({1, 1, 1, 1}, -0.1, Double());
  const auto term = [&](int t, double v) {
    const at::Tensor output =
        at::cat({at::full_like(x0, 0.1), at::full_like(x0, v)}, 1);
    return bound.Terms(x0, x_t, output, {t}, false).item<double>();
  };
  for (int t : {1, 4, 9}) {
    const double small = schedule.PosteriorVariance(t);
    const auto divergence = [&](double variance) {
      const double difference = schedule.PosteriorX0Weight(t) * (0.3 - 0.1);
      return 0.5 * (std::log(variance / small) - 1 +
                    (small + difference * difference) / variance);
    };
    EXPECT_NEAR(term(t, -1), divergence(small), 1e-12);
    EXPECT_NEAR(term(t, 1), divergence(schedule.beta(t)), 1e-12);
    EXPECT_NEAR(term(t, 0), divergence(std::sqrt(small * schedule.beta(t))),
                1e-12);
  }
}

// Whatever the network estimates, the same x_0 gives the same terms; the clip
// bounds it.
TEST(VariationalBoundTest, PredictionsSayTheSame) {
  at::manual_seed(3);
  const at::Tensor x0 = at::randn({4, 2, 3, 3}, Double()) * 0.5;
  const at::Tensor noise = at::randn_like(x0);
  const at::Tensor estimate = at::randn_like(x0);
  const std::vector<int> timesteps = {0, 1, 5, 9};
  DiffusionSpec spec = LinearProcess(10, VarianceKind::kFixedSmall);
  const VariationalBound sample(spec);
  const at::Tensor x_t = sample.Noised(x0, noise, timesteps);
  for (bool clip : {false, true}) {
    const at::Tensor expected = sample.Terms(
        x0, x_t, clip ? estimate.clamp(-1, 1) : estimate, timesteps, false);
    for (PredictionType prediction :
         {PredictionType::kEpsilon, PredictionType::kVelocity,
          PredictionType::kSample}) {
      spec.prediction = prediction;
      const VariationalBound bound(spec);
      at::Tensor output = estimate.clone();
      for (int64_t i = 0; i < 4; ++i) {
        const double a =
            bound.schedule().alpha_bar(timesteps[static_cast<size_t>(i)]);
        const double signal = std::sqrt(a);
        const double sigma = std::sqrt(1 - a);
        if (prediction == PredictionType::kEpsilon) {
          output[i] = (x_t[i] - signal * estimate[i]) / sigma;
        } else if (prediction == PredictionType::kVelocity) {
          // x_0 = signal x_t - sigma v.
          output[i] = (signal * x_t[i] - estimate[i]) / sigma;
        }
      }
      const at::Tensor terms = bound.Terms(x0, x_t, output, timesteps, clip);
      EXPECT_LT((terms - expected).abs().max().item<double>(), 1e-8);
    }
  }
}

}  // namespace
}  // namespace cascade
