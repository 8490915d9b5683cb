#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/sampling/diffusion_spec.h"
#include "models/sampling/noise_schedule.h"

namespace cascade {

// The terms of the variational bound of a discrete diffusion process (Ho et al.
// 2020, eq. 5; the learned variance of Nichol & Dhariwal 2021, eq. 15):
//
//   -log p(x_0) <= E_q[ KL(q(x_T | x_0) || N(0, 1))               the prior
//                     + sum_t KL(q(x_t-1 | x_t, x_0) || p(x_t-1 | x_t))
//                     - log p(x_0 | x_1) ]                        the decoder
//
// where p(x_t-1 | x_t) is a normal distribution around the posterior's mean for
// the network's x_0. In nats, summed over an image's values. Timesteps count
// from 0 as everywhere: timestep 0 is x_1, the decoder's.
//
// Immutable. Throws what LibTorch throws.
class VariationalBound {
 public:
  // A variance-preserving process with timesteps.
  explicit VariationalBound(const DiffusionSpec& spec);

  const NoiseSchedule& schedule() const { return schedule_; }

  // The prior's term of each image of `x0` [batch, channels, size, size]:
  // [batch]. Has no parameters, and is nearly 0 for a good schedule.
  at::Tensor Prior(const at::Tensor& x0) const;

  // x_t of each image.
  at::Tensor Noised(const at::Tensor& x0, const at::Tensor& noise,
                    const std::vector<int>& timesteps) const;

  // The term at timesteps[i] of image i, [batch]: a divergence, or at timestep
  // 0 the decoder's term for 8-bit images. `output` is the network's for x_t,
  // with the variance's channels if it has them. `clip` bounds its x_0 to
  // [-1, 1], as sampling does.
  at::Tensor Terms(const at::Tensor& x0, const at::Tensor& x_t,
                   const at::Tensor& output, const std::vector<int>& timesteps,
                   bool clip) const;

  // The log of p's variance at timestep `t` where the network's variance
  // channels say -1 and +1. Equal without such channels.
  double MinLogVariance(int t) const;
  double MaxLogVariance(int t) const;

 private:
  const DiffusionSpec spec_;
  const NoiseSchedule schedule_;
};

}  // namespace cascade
