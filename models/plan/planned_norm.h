#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "models/plan/instruction_set.h"

namespace cascade {

// Group normalisation of channels-last images with what follows it, in one
// pass (fused_norm.h). Immutable.
class PlannedNorm {
 public:
  struct Extras {
    // [batch, channels] each, float, rows any number of floats apart;
    // undefined: none. See NormParameters.
    at::Tensor add;
    at::Tensor scale;
    at::Tensor shift;
    bool silu = true;
  };

  // weight and bias [channels], float.
  PlannedNorm(const at::Tensor& weight, const at::Tensor& bias, int64_t groups);

  // [batch, channels, height, width], channels-last, of `dtype`: x's own, or
  // float. `second` has the channels that follow x's, where the two would have
  // been joined; undefined: none.
  at::Tensor Run(const at::Tensor& x, const at::Tensor& second,
                 const Extras& extras, at::ScalarType dtype) const;

  int64_t weight_bytes() const {
    return static_cast<int64_t>(weight_.nbytes() + bias_.nbytes());
  }

 private:
  const at::Tensor weight_;
  const at::Tensor bias_;
  const int64_t groups_;
  const std::optional<InstructionSet> instructions_;
};

}  // namespace cascade
