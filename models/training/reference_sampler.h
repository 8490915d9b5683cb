#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/nn/unet.h"
#include "models/sampling/noise_source.h"
#include "models/sampling/sampler_table.h"

namespace cascade {

// Runs a sampler's table on a network, all images in step: what the slot-pool
// executor does, in its plainest form. For sample grids in training and for
// tests.
struct ReferenceSample {
  nn::UNetInput input;       // All but x and timestep.
  at::Tensor null_class_id;  // As class_id; undefined: no guidance.
  NoiseKey key;              // Image i takes seed + i.
};

// Returns the images [batch, channels, size, size]. `shape` is theirs.
at::Tensor RunSampler(nn::UNet& network, const SamplerTable& table,
                      at::IntArrayRef shape, const ReferenceSample& sample);

}  // namespace cascade
