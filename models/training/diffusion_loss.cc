#include "models/training/diffusion_loss.h"

#include <ATen/ops/detach.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "models/nn/resample.h"
#include "models/sampling/augmentation.h"
#include "models/sampling/counter_noise.h"

namespace cascade {
namespace {

// The mean over everything but the batch.
at::Tensor MeanPerImage(const at::Tensor& values) {
  return values.mean({1, 2, 3});
}

// The normal distribution function, by the approximation of the reference.
at::Tensor StandardNormalCdf(const at::Tensor& x) {
  const double factor = std::sqrt(2 / std::numbers::pi);
  return 0.5 * (1 + at::tanh(factor * (x + 0.044715 * x * x * x)));
}

// log P(x) of 8-bit images scaled to [-1, 1] under a normal distribution.
at::Tensor DiscretizedLogLikelihood(const at::Tensor& x, const at::Tensor& mean,
                                    const at::Tensor& log_scale) {
  const at::Tensor centered = x - mean;
  const at::Tensor inverse = at::exp(-log_scale);
  const at::Tensor above =
      StandardNormalCdf(inverse * (centered + 1.0 / 255.0));
  const at::Tensor below =
      StandardNormalCdf(inverse * (centered - 1.0 / 255.0));
  const at::Tensor log_above = at::log(above.clamp_min(1e-12));
  const at::Tensor log_beyond = at::log((1 - below).clamp_min(1e-12));
  const at::Tensor log_between = at::log((above - below).clamp_min(1e-12));
  return at::where(x < -0.999, log_above,
                   at::where(x > 0.999, log_beyond, log_between));
}

}  // namespace

DiffusionLoss::DiffusionLoss(const TrainConfig& config, at::Device device)
    : config_(config),
      device_(device),
      schedule_(config.stage.spec.diffusion.schedule,
                config.stage.spec.diffusion.num_timesteps),
      augmentation_schedule_(config.stage.spec.augmentation.schedule,
                             config.stage.spec.augmentation.num_timesteps) {}

at::Tensor DiffusionLoss::PerImage(const std::vector<float>& values) const {
  return at::tensor(values)
      .view({static_cast<int64_t>(values.size()), 1, 1, 1})
      .to(device_);
}

at::Tensor DiffusionLoss::Noise(at::IntArrayRef shape, NoisePurpose purpose,
                                int64_t step) const {
  at::Tensor noise = at::empty(shape);
  FillNormal(
      {.seed = config_.seed,
       .stage = static_cast<uint32_t>(config_.stage.spec.index),
       .purpose = purpose,
       .step = static_cast<uint32_t>(step)},
      {noise.mutable_data_ptr<float>(), static_cast<size_t>(noise.numel())});
  return noise.to(device_);
}

std::vector<int> DiffusionLoss::UniformInts(int64_t count, int low, int high,
                                            NoisePurpose purpose,
                                            int64_t step) const {
  std::vector<double> draws(static_cast<size_t>(count));
  FillUniform({.seed = config_.seed,
               .stage = static_cast<uint32_t>(config_.stage.spec.index),
               .purpose = purpose,
               .step = static_cast<uint32_t>(step)},
              draws);
  std::vector<int> values(draws.size());
  std::transform(draws.begin(), draws.end(), values.begin(), [&](double draw) {
    return low + static_cast<int>(draw * (high - low + 1));
  });
  return values;
}

at::Tensor DiffusionLoss::Condition(const at::Tensor& low_res,
                                    const std::vector<int>& indices,
                                    const at::Tensor& noise) const {
  std::vector<float> signal;
  std::vector<float> sigma;
  for (int index : indices) {
    const AugmentationPoint point =
        AugmentationAtIndex(augmentation_schedule_, index);
    signal.push_back(static_cast<float>(point.signal));
    sigma.push_back(static_cast<float>(point.noise));
  }
  return nn::EnlargeLowResolution(
      low_res * PerImage(signal) + noise * PerImage(sigma),
      config_.stage.spec.resolution);
}

at::Tensor DiffusionLoss::VariationalBound(
    const at::Tensor& mean_output, const at::Tensor& variance_output,
    const at::Tensor& x0, const at::Tensor& x_t,
    const std::vector<int>& timesteps) const {
  std::vector<float> min_log, max_log, x0_weight, x_weight, signal, sigma;
  std::vector<int64_t> is_first;
  for (int t : timesteps) {
    min_log.push_back(
        static_cast<float>(schedule_.ClippedPosteriorLogVariance(t)));
    max_log.push_back(static_cast<float>(std::log(schedule_.beta(t))));
    x0_weight.push_back(static_cast<float>(schedule_.PosteriorX0Weight(t)));
    x_weight.push_back(static_cast<float>(schedule_.PosteriorXWeight(t)));
    signal.push_back(static_cast<float>(std::sqrt(schedule_.alpha_bar(t))));
    sigma.push_back(static_cast<float>(std::sqrt(1 - schedule_.alpha_bar(t))));
    is_first.push_back(t == 0 ? 1 : 0);
  }
  at::Tensor predicted_x0;
  switch (config_.stage.spec.diffusion.prediction) {
    case PredictionType::kEpsilon:
      predicted_x0 = (x_t - PerImage(sigma) * mean_output) / PerImage(signal);
      break;
    case PredictionType::kVelocity:
      predicted_x0 = PerImage(signal) * x_t - PerImage(sigma) * mean_output;
      break;
    case PredictionType::kSample:
      predicted_x0 = mean_output;
      break;
  }
  const at::Tensor true_log = PerImage(min_log);
  const at::Tensor fraction = (variance_output + 1) / 2;
  const at::Tensor log_variance =
      fraction * PerImage(max_log) + (1 - fraction) * true_log;
  const at::Tensor true_mean =
      PerImage(x0_weight) * x0 + PerImage(x_weight) * x_t;
  const at::Tensor mean =
      PerImage(x0_weight) * predicted_x0 + PerImage(x_weight) * x_t;

  const at::Tensor difference = true_mean - mean;
  const at::Tensor divergence =
      0.5 * (-1.0 + log_variance - true_log + at::exp(true_log - log_variance) +
             difference * difference * at::exp(-log_variance));
  const at::Tensor likelihood =
      -DiscretizedLogLikelihood(x0, mean, 0.5 * log_variance);
  return MeanPerImage(at::where(
             at::tensor(is_first).to(device_).view({-1, 1, 1, 1}) == 1,
             likelihood, divergence)) /
         std::numbers::ln2;
}

DiffusionLoss::Result DiffusionLoss::Compute(nn::UNet& network,
                                             const ExampleBatch& examples,
                                             int64_t step) const {
  const at::Tensor x0 = examples.image.to(device_);
  const int64_t batch = x0.size(0);
  const std::vector<int> timesteps =
      UniformInts(batch, 0, config_.stage.spec.diffusion.num_timesteps - 1,
                  NoisePurpose::kTrainingTimestep, step);
  std::vector<float> signal, sigma;
  for (int t : timesteps) {
    signal.push_back(static_cast<float>(std::sqrt(schedule_.alpha_bar(t))));
    sigma.push_back(static_cast<float>(std::sqrt(1 - schedule_.alpha_bar(t))));
  }
  const at::Tensor noise =
      Noise(x0.sizes(), NoisePurpose::kTrainingNoise, step);
  const at::Tensor x_t = PerImage(signal) * x0 + PerImage(sigma) * noise;

  nn::UNetInput input{.x = x_t,
                      .timestep = at::tensor(timesteps).to(device_, at::kFloat),
                      .class_id = examples.class_id.to(device_),
                      .low_res = {},
                      .augmentation = {}};
  if (config_.stage.spec.low_resolution > 0) {
    std::vector<int> indices(timesteps.size(), 0);
    if (config_.stage.spec.augmentation.enabled) {
      const int last =
          AugmentationAtLevel(augmentation_schedule_,
                              config_.stage.spec.augmentation.max_level)
              .index;
      indices = UniformInts(batch, 0, last,
                            NoisePurpose::kTrainingAugmentationLevel, step);
      input.augmentation = at::tensor(indices).to(device_, at::kFloat);
    }
    const at::Tensor low_res = examples.low_res.to(device_);
    input.low_res = Condition(
        low_res, indices,
        Noise(low_res.sizes(), NoisePurpose::kTrainingAugmentation, step));
  }

  const at::Tensor output = network.forward(input);
  const at::Tensor mean_output =
      output.narrow(1, 0, config_.stage.spec.channels);
  at::Tensor target;
  switch (config_.stage.spec.diffusion.prediction) {
    case PredictionType::kEpsilon:
      target = noise;
      break;
    case PredictionType::kVelocity:
      target = PerImage(signal) * noise - PerImage(sigma) * x0;
      break;
    case PredictionType::kSample:
      target = x0;
      break;
  }
  const at::Tensor error = at::mse_loss(mean_output, target);
  Result result{.loss = error, .mean_error = at::detach(error)};
  if (config_.stage.spec.diffusion.variance == VarianceKind::kLearnedRange) {
    const at::Tensor bound =
        VariationalBound(at::detach(mean_output),
                         output.narrow(1, config_.stage.spec.channels,
                                       config_.stage.spec.channels),
                         x0, x_t, timesteps);
    result.loss =
        error +
        bound.mean() * (config_.stage.spec.diffusion.num_timesteps / 1000.0);
  }
  return result;
}

}  // namespace cascade
