#include "models/training/variational_bound.h"

#include <ATen/ops/exp.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <functional>

#include "models/training/discretized_likelihood.h"

namespace cascade {
namespace {

// value(t) for each image, as a tensor that spreads over `like`.
at::Tensor PerImage(const std::vector<int>& timesteps, const at::Tensor& like,
                    const std::function<double(int)>& value) {
  std::vector<double> values;
  values.reserve(timesteps.size());
  for (int t : timesteps) values.push_back(value(t));
  return at::tensor(values)
      .view({static_cast<int64_t>(values.size()), 1, 1, 1})
      .to(like.options());
}

}  // namespace

VariationalBound::VariationalBound(const DiffusionSpec& spec)
    : spec_(spec), schedule_(spec.schedule, spec.num_timesteps) {}

double VariationalBound::MinLogVariance(int t) const {
  // Of the first timestep beta is too large for a decoder of 8-bit values (Ho
  // et al.'s code does the same).
  if (spec_.variance == VarianceKind::kFixedLarge && t > 0) {
    return std::log(schedule_.beta(t));
  }
  return schedule_.ClippedPosteriorLogVariance(t);
}

double VariationalBound::MaxLogVariance(int t) const {
  if (spec_.variance != VarianceKind::kLearnedRange) return MinLogVariance(t);
  return std::log(schedule_.beta(t));
}

at::Tensor VariationalBound::Prior(const at::Tensor& x0) const {
  const double alpha_bar = schedule_.alpha_bar(schedule_.num_timesteps() - 1);
  const double variance = 1 - alpha_bar;
  return (0.5 * (alpha_bar * x0.square() + variance - 1 - std::log(variance)))
      .sum({1, 2, 3});
}

at::Tensor VariationalBound::Noised(const at::Tensor& x0,
                                    const at::Tensor& noise,
                                    const std::vector<int>& timesteps) const {
  const auto signal = [&](int t) { return std::sqrt(schedule_.alpha_bar(t)); };
  const auto sigma = [&](int t) {
    return std::sqrt(1 - schedule_.alpha_bar(t));
  };
  return PerImage(timesteps, x0, signal) * x0 +
         PerImage(timesteps, x0, sigma) * noise;
}

at::Tensor VariationalBound::Terms(const at::Tensor& x0, const at::Tensor& x_t,
                                   const at::Tensor& output,
                                   const std::vector<int>& timesteps,
                                   bool clip) const {
  const auto per_image = [&](const std::function<double(int)>& value) {
    return PerImage(timesteps, x0, value);
  };
  const int64_t channels = x0.size(1);
  const at::Tensor mean_output = output.narrow(1, 0, channels);
  const at::Tensor signal =
      per_image([&](int t) { return std::sqrt(schedule_.alpha_bar(t)); });
  const at::Tensor sigma =
      per_image([&](int t) { return std::sqrt(1 - schedule_.alpha_bar(t)); });
  at::Tensor predicted_x0;
  switch (spec_.prediction) {
    case PredictionType::kEpsilon:
      predicted_x0 = (x_t - sigma * mean_output) / signal;
      break;
    case PredictionType::kVelocity:
      predicted_x0 = signal * x_t - sigma * mean_output;
      break;
    case PredictionType::kSample:
    case PredictionType::kEdm:  // Of no discrete process, as the next.
    case PredictionType::kConsistency:
      predicted_x0 = mean_output;
      break;
  }
  if (clip) predicted_x0 = predicted_x0.clamp(-1, 1);

  const at::Tensor true_log = per_image(
      [&](int t) { return schedule_.ClippedPosteriorLogVariance(t); });
  at::Tensor log_variance = per_image([&](int t) { return MinLogVariance(t); });
  if (spec_.variance == VarianceKind::kLearnedRange) {
    const at::Tensor fraction = (output.narrow(1, channels, channels) + 1) / 2;
    log_variance =
        fraction * per_image([&](int t) { return MaxLogVariance(t); }) +
        (1 - fraction) * log_variance;
  }
  const at::Tensor x0_weight =
      per_image([&](int t) { return schedule_.PosteriorX0Weight(t); });
  const at::Tensor x_weight =
      per_image([&](int t) { return schedule_.PosteriorXWeight(t); });
  const at::Tensor difference = x0_weight * (x0 - predicted_x0);
  const at::Tensor divergence =
      0.5 * (-1.0 + log_variance - true_log + at::exp(true_log - log_variance) +
             difference.square() * at::exp(-log_variance));
  const at::Tensor mean = x0_weight * predicted_x0 + x_weight * x_t;
  const at::Tensor decoder =
      -DiscretizedLogLikelihood(x0, mean, (0.5 * log_variance).expand_as(x0));
  const at::Tensor is_first = per_image([](int t) { return t == 0 ? 1 : 0; });
  return at::where(is_first == 1, decoder, divergence).sum({1, 2, 3});
}

}  // namespace cascade
