#pragma once

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "models/stage_executor.h"

namespace cascade {

// A stage's image as a tensor of its own, on the device that made it.
class TorchStageOutput final : public StageOutput {
 public:
  // `image` is [channels, size, size], float, and nobody else's.
  explicit TorchStageOutput(at::Tensor image, int noise_index = 0)
      : image_(std::move(image)), noise_index_(noise_index) {}

  int resolution() const override { return static_cast<int>(image_.size(1)); }
  int channels() const override { return static_cast<int>(image_.size(0)); }
  int noise_index() const override { return noise_index_; }
  absl::StatusOr<std::vector<float>> ToHost() const override;

  const at::Tensor& image() const { return image_; }

 private:
  const at::Tensor image_;
  const int noise_index_;
};

// The image of any StageOutput as a float tensor on `device`.
at::Tensor ImageOf(const StageOutput& output, at::Device device);

}  // namespace cascade
