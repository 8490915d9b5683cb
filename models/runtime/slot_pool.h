#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/sampling/sampler_table.h"
#include "models/stage_executor.h"
#include "models/stage_spec.h"

namespace cascade {

// The images of an executor, on its device: one tensor for each thing that an
// image needs, with rows of channels x size x size floats.
//
// x has two rows a slot and x0 one more than a line looks back on, so that a
// step writes beside what it reads: until the executor moves on to the new
// rows, the step has not happened.
struct SlotPool {
  SlotPool(const StageSpec& spec, int slots, at::Device device);

  static int64_t XRow(Slot slot, int line) { return 2 * slot + line % 2; }
  // Where the x0 estimate of `line` is.
  static int64_t X0Row(Slot slot, int line) {
    return int64_t{kHistoryLength} * slot + line % kHistoryLength;
  }
  static int64_t BytesPerSlot(const StageSpec& spec);

  at::Tensor x;        // [2 slots, ...]
  at::Tensor x0;       // [kHistoryLength slots, ...]
  at::Tensor low_res;  // [slots, ...], enlarged; undefined for a base.
};

// Uninitialised images of a stage.
at::Tensor EmptyImages(const StageSpec& spec, int64_t count, at::Device device);

// Row `row` of a contiguous host tensor of floats.
float* HostRow(const at::Tensor& tensor, int64_t row);

}  // namespace cascade
