#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/nn/unet.h"
#include "models/sampling/noise_schedule.h"
#include "models/sampling/noise_source.h"
#include "models/training/example_source.h"
#include "models/training/train_config.h"

namespace cascade {

// The training objective of one stage: the mean squared error of what the
// network estimates (the noise, v, or x_0), and with a learned variance
// T / 1000 times the variational bound, in bits, whose gradient reaches the
// variance alone (Nichol & Dhariwal 2021, L_hybrid).
class DiffusionLoss {
 public:
  DiffusionLoss(const TrainConfig& config, at::Device device);

  struct Result {
    at::Tensor loss;        // Scalar, with its graph.
    at::Tensor mean_error;  // Scalar: its squared-error part, detached.
  };
  // Noises `examples` by the numbers of `step` and evaluates `network` once.
  Result Compute(nn::UNet& network, const ExampleBatch& examples,
                 int64_t step) const;

  // z_s of low-resolution images at augmentation indices (0 .. T): noise at
  // the low resolution, then enlargement.
  at::Tensor Condition(const at::Tensor& low_res,
                       const std::vector<int>& indices,
                       const at::Tensor& noise) const;

 private:
  at::Tensor Noise(at::IntArrayRef shape, NoisePurpose purpose,
                   int64_t step) const;
  std::vector<int> UniformInts(int64_t count, int low, int high,
                               NoisePurpose purpose, int64_t step) const;
  at::Tensor VariationalBound(const at::Tensor& mean_output,
                              const at::Tensor& variance_output,
                              const at::Tensor& x0, const at::Tensor& x_t,
                              const std::vector<int>& timesteps) const;
  at::Tensor PerImage(const std::vector<float>& values) const;

  const TrainConfig config_;
  const at::Device device_;
  const NoiseSchedule schedule_;
  const NoiseSchedule augmentation_schedule_;
};

}  // namespace cascade
