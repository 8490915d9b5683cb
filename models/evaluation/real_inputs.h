#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/stage_executor.h"
#include "models/training/image_folder.h"

namespace cascade {

// Real images as the input of a super-resolution stage, in place of the stage
// below: ground-truth conditioning. They are reduced as training reduces them,
// by area in floating point.
class RealInputs {
 public:
  // `images` are a multiple of `low_resolution` in size, and at least one.
  // Image i of a run is the i-th in an order drawn by `seed`, round and round.
  static absl::StatusOr<RealInputs> Create(const ImageSet& images,
                                           int low_resolution, uint64_t seed);

  // The input of image `index` of a run, and its class.
  std::shared_ptr<const StageOutput> InputOf(int64_t index) const;
  int LabelOf(int64_t index) const;

  // Says which images, at which size, in which order.
  const std::string& description() const { return description_; }

 private:
  RealInputs() = default;
  size_t Place(int64_t index) const;

  int low_resolution_ = 0;
  int channels_ = 0;
  std::string description_;
  std::vector<int64_t> order_;
  std::vector<int> labels_;
  std::vector<float> values_;  // [image][channel][y][x]
};

}  // namespace cascade
