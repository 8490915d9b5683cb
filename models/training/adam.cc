#include "models/training/adam.h"

#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace cascade {

double LearningRate(const OptimizerOptions& options, int64_t step) {
  if (step < options.warmup_steps) {
    return options.learning_rate * static_cast<double>(step + 1) /
           options.warmup_steps;
  }
  const double progress =
      std::clamp(static_cast<double>(step - options.warmup_steps) /
                     std::max(1, options.steps - options.warmup_steps),
                 0.0, 1.0);
  double peak_share = 1;
  switch (options.decay) {
    case LearningRateDecay::kConstant:
      break;
    case LearningRateDecay::kLinear:
      peak_share = 1 - progress;
      break;
    case LearningRateDecay::kCosine:
      peak_share = 0.5 * (1 + std::cos(std::numbers::pi * progress));
      break;
  }
  return options.final_learning_rate +
         (options.learning_rate - options.final_learning_rate) * peak_share;
}

double EmaDecay(const OptimizerOptions& options, int64_t step) {
  const auto steps = static_cast<double>(step);
  return std::min(options.ema_decay, (1 + steps) / (10 + steps));
}

Adam::Adam(const OptimizerOptions& options, at::Tensor values,
           at::Tensor gradients)
    : options_(options),
      values_(std::move(values)),
      gradients_(std::move(gradients)),
      first_moment_(at::zeros_like(values_)),
      second_moment_(at::zeros_like(values_)),
      average_(values_.clone()) {}

double Adam::Step(int64_t step) {
  const at::NoGradGuard no_grad;
  const double norm = gradients_.norm().item<double>();
  if (!std::isfinite(norm)) return norm;
  if (options_.gradient_clip > 0 && norm > options_.gradient_clip) {
    gradients_.mul_(options_.gradient_clip / norm);
  }
  const double rate = LearningRate(options_, step);
  first_moment_.lerp_(gradients_, 1 - options_.beta1);
  second_moment_.mul_(options_.beta2)
      .addcmul_(gradients_, gradients_, 1 - options_.beta2);
  const auto count = static_cast<double>(step + 1);
  const double correction1 = 1 - std::pow(options_.beta1, count);
  const double correction2 = 1 - std::pow(options_.beta2, count);
  if (options_.weight_decay > 0) {
    values_.mul_(1 - rate * options_.weight_decay);
  }
  const at::Tensor denominator =
      second_moment_.sqrt().div_(std::sqrt(correction2)).add_(options_.epsilon);
  values_.addcdiv_(first_moment_, denominator, -rate / correction1);
  average_.lerp_(values_, 1 - EmaDecay(options_, step));
  return norm;
}

}  // namespace cascade
