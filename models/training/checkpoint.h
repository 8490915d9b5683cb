#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/training/adam.h"
#include "models/training/flat_parameters.h"

namespace cascade {

// All that a training needs to go on as if it had not stopped. Random numbers
// are functions of seed and step, so there is no generator to keep.
//
// One safetensors file: the weights as weights.NAME, the average as ema.NAME,
// Adam's moments as adam_m.NAME and adam_v.NAME; the metadata holds the step,
// the seed and the stage's description.
struct CheckpointHeader {
  int64_t step = 0;  // Steps that were done.
  uint64_t seed = 0;
  std::string stage_json;
};

// Replaces `path` atomically.
absl::Status SaveCheckpoint(const std::string& path,
                            const CheckpointHeader& header,
                            const FlatParameters& parameters, const Adam& adam);

// Copies the file's tensors into `parameters` and `adam`. DATA_LOSS naming what
// does not fit, before anything is copied.
absl::StatusOr<CheckpointHeader> LoadCheckpoint(
    const std::string& path, const FlatParameters& parameters,
    const Adam& adam);

}  // namespace cascade
