#include "models/training/discretized_likelihood.h"

#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/log.h>
#include <ATen/ops/special_log_ndtr.h>
#include <ATen/ops/where.h>

namespace cascade {

at::Tensor DiscretizedLogLikelihood(const at::Tensor& x, const at::Tensor& mean,
                                    const at::Tensor& log_scale) {
  const at::Tensor centered = x - mean;
  const at::Tensor inverse = at::exp(-log_scale);
  const at::Tensor above = inverse * (centered + 1.0 / 255.0);
  const at::Tensor below = inverse * (centered - 1.0 / 255.0);
  // Mirrored into the lower tail, where the logs of both ends differ as much as
  // the ends do.
  const at::Tensor mirrored = centered > 0;
  const at::Tensor log_end =
      at::special_log_ndtr(at::where(mirrored, -below, above));
  const at::Tensor log_begin =
      at::special_log_ndtr(at::where(mirrored, -above, below));
  const at::Tensor log_between =
      log_end + at::log(-at::expm1(log_begin - log_end));
  return at::where(
      x < -0.999, at::special_log_ndtr(above),
      at::where(x > 0.999, at::special_log_ndtr(-below), log_between));
}

}  // namespace cascade
