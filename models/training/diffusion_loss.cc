#include "models/training/diffusion_loss.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/detach.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "models/nn/resample.h"
#include "models/sampling/augmentation.h"
#include "models/sampling/counter_noise.h"
#include "models/training/conditioning_blur.h"
#include "models/training/noise_draw.h"

namespace cascade {
DiffusionLoss::DiffusionLoss(const TrainConfig& config, at::Device device)
    : config_(config),
      device_(device),
      bound_(config.stage.spec.diffusion),
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
      config_.stage.spec.resolution, config_.stage.spec.upsampling);
}

void DiffusionLoss::AddLowResolution(at::Tensor low_res, int64_t step,
                                     nn::UNetInput* input) const {
  const StageSpec& spec = config_.stage.spec;
  const int64_t batch = low_res.size(0);
  std::vector<int> indices(static_cast<size_t>(batch), 0);
  if (spec.augmentation.enabled) {
    const int last =
        AugmentationAtLevel(augmentation_schedule_, spec.augmentation.max_level)
            .index;
    indices = UniformInts(batch, 0, last,
                          NoisePurpose::kTrainingAugmentationLevel, step);
    input->augmentation = at::tensor(indices).to(device_, at::kFloat);
  }
  if (config_.stage.blur.share > 0) {
    low_res =
        BlurImages(low_res, DrawBlurSigmas(config_.stage.blur, batch,
                                           config_.seed, spec.index, step));
  }
  input->low_res = Condition(
      low_res, indices,
      Noise(low_res.sizes(), NoisePurpose::kTrainingAugmentation, step));
}

DiffusionLoss::Result DiffusionLoss::Compute(nn::UNet& network,
                                             const ExampleBatch& examples,
                                             int64_t step) const {
  const at::Tensor x0 = examples.image.to(device_);
  const int64_t batch = x0.size(0);
  const std::vector<NoiseDraw> draws =
      DrawNoise(config_.stage.spec.diffusion, bound_.schedule(), batch,
                config_.seed, config_.stage.spec.index, step);
  std::vector<float> signal, sigma, told;
  std::vector<int> timesteps;
  for (const NoiseDraw& draw : draws) {
    signal.push_back(static_cast<float>(std::sqrt(draw.alpha_bar)));
    sigma.push_back(static_cast<float>(std::sqrt(1 - draw.alpha_bar)));
    told.push_back(static_cast<float>(draw.told));
    timesteps.push_back(draw.timestep);
  }
  const at::Tensor noise =
      Noise(x0.sizes(), NoisePurpose::kTrainingNoise, step);
  const at::Tensor x_t = PerImage(signal) * x0 + PerImage(sigma) * noise;

  nn::UNetInput input{.x = x_t,
                      .timestep = at::tensor(told).to(device_),
                      .class_id = examples.class_id.to(device_),
                      .low_res = {},
                      .augmentation = {}};
  if (config_.stage.spec.low_resolution > 0) {
    AddLowResolution(examples.low_res.to(device_), step, &input);
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
    case PredictionType::kEdm:  // Refused by ReadTrainConfig(), as the next.
    case PredictionType::kConsistency:
      target = x0;
      break;
  }
  const at::Tensor error = at::mse_loss(mean_output, target);
  Result result{.loss = error, .mean_error = at::detach(error)};
  if (config_.stage.spec.diffusion.variance == VarianceKind::kLearnedRange) {
    const int64_t channels = config_.stage.spec.channels;
    const at::Tensor terms = bound_.Terms(
        x0, x_t,
        at::cat({at::detach(mean_output), output.narrow(1, channels, channels)},
                1),
        timesteps, /*clip=*/false);
    const double nats_of_a_bit =
        static_cast<double>(x0.numel() / batch) * std::numbers::ln2;
    result.loss =
        error + terms.mean() / nats_of_a_bit *
                    (config_.stage.spec.diffusion.num_timesteps / 1000.0);
  }
  return result;
}

}  // namespace cascade
