#pragma once

#include <cstdint>
#include <memory>

#include "models/sampling/sampler_table.h"

namespace cascade {

// What an executor knows of the image in a slot, beside its tensors.
struct SlotState {
  std::shared_ptr<const SamplerTable> table;  // Free slots hold none.
  uint64_t image_seed = 0;
  int64_t class_id = 0;    // The null class for an unconditional image.
  float augmentation = 0;  // What the network is told.
  int line = 0;            // The next to submit.
  bool lost = false;       // Became infinite or NaN.
  // Which of the executor's images this is: a step under way outlives the
  // release of its slots.
  uint64_t admission = 0;
};

}  // namespace cascade
