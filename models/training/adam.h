#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/training/train_config.h"

namespace cascade {

// The learning rate of step 0, 1, ...: linear warm-up, then the decay.
double LearningRate(const OptimizerOptions& options, int64_t step);

// The weight of the running average after `step` steps: less than the limit in
// the beginning, so that the initial weights are soon forgotten.
double EmaDecay(const OptimizerOptions& options, int64_t step);

// Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter
// 2019) over one flat tensor, and the exponential moving average of the
// weights.
class Adam {
 public:
  // `values` and `gradients` are updated and read in place.
  Adam(const OptimizerOptions& options, at::Tensor values,
       at::Tensor gradients);

  // Clips the gradients, updates the values and the average. Returns the
  // gradients' norm before clipping. A step whose norm is not finite changes
  // nothing.
  double Step(int64_t step);

  const at::Tensor& first_moment() const { return first_moment_; }
  const at::Tensor& second_moment() const { return second_moment_; }
  const at::Tensor& average() const { return average_; }

 private:
  const OptimizerOptions options_;
  at::Tensor values_;
  at::Tensor gradients_;
  at::Tensor first_moment_;
  at::Tensor second_moment_;
  at::Tensor average_;
};

}  // namespace cascade
