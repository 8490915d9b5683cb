#pragma once

#include <ATen/core/Tensor.h>

namespace cascade {

// log P(x), in nats and for each element, of an 8-bit value x = k / 127.5 - 1
// under a normal distribution of `mean` and exp(`log_scale`) (Ho et al. 2020,
// eq. 13): the distribution's mass between x - 1/255 and x + 1/255, and all of
// it below for k = 0 and above for k = 255, so that the 256 levels have
// probability one. Differentiable, and finite in the tails. The three have one
// shape.
at::Tensor DiscretizedLogLikelihood(const at::Tensor& x, const at::Tensor& mean,
                                    const at::Tensor& log_scale);

}  // namespace cascade
