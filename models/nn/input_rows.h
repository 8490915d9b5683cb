#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/nn/unet.h"
#include "models/stage_spec.h"

namespace cascade::nn {

// The rows of what a stage's network reads: one an evaluation of one image.

// Zeros in everything that the network of a stage reads.
UNetInput ZeroInput(const StageSpec& spec, int64_t rows, at::Device device);

// Rows that differ in everything that rows may differ in; the same ones each
// time.
UNetInput RandomInput(const StageSpec& spec, int64_t rows, at::Device device);

// Views of `count` of the rows, from `begin` on.
UNetInput Rows(const UNetInput& input, int64_t begin, int64_t count);
UNetInput FirstRows(const UNetInput& input, int64_t count);

}  // namespace cascade::nn
