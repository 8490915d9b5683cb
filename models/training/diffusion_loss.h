#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/nn/unet.h"
#include "models/sampling/noise_schedule.h"
#include "models/sampling/noise_source.h"
#include "models/training/example_source.h"
#include "models/training/train_config.h"
#include "models/training/variational_bound.h"

namespace cascade {

// The training objective of one stage: the mean squared error of what the
// network estimates, and with a learned variance a part of the variational
// bound,
//
//   L_simple = E || target - network(sqrt(a) x_0 + sqrt(1 - a) eps) ||^2,
//   target   = eps, sqrt(a) eps - sqrt(1 - a) x_0 (v), or x_0
//   L_hybrid = L_simple + T / 1000 L_vlb
//
// (Ho et al. 2020, eq. 14; Salimans & Ho 2022, appendix D; Nichol & Dhariwal
// 2021, eq. 16). L_vlb is a term of VariationalBound in bits per value, and its
// gradient reaches the variance alone: the mean's output is held fixed in it.
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
  // Blurs, noises and enlarges `low_res` by the numbers of `step`.
  void AddLowResolution(at::Tensor low_res, int64_t step,
                        nn::UNetInput* input) const;
  at::Tensor PerImage(const std::vector<float>& values) const;

  const TrainConfig config_;
  const at::Device device_;
  const VariationalBound bound_;
  const NoiseSchedule augmentation_schedule_;
};

}  // namespace cascade
