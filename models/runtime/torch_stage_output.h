#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <optional>
#include <vector>

#include "models/stage_executor.h"

namespace cascade {

// A stage's image as a tensor of its own, on the device that made it.
//
// On a card the image may still be under way: whoever reads it does so on a
// stream that waits for it, and nobody waits on the host. Another card gets it
// by a copy between the two, through the host only where they have no other
// way.
class TorchStageOutput final : public StageOutput {
 public:
  // `image` is [channels, size, size], float, and nobody else's; on a card it
  // was made by the current stream.
  explicit TorchStageOutput(at::Tensor image, int noise_index = 0);

  int resolution() const override { return static_cast<int>(image_.size(1)); }
  int channels() const override { return static_cast<int>(image_.size(0)); }
  int noise_index() const override { return noise_index_; }
  absl::StatusOr<std::vector<float>> ToHost() const override;

  // For the current stream of the calling thread. Throws what LibTorch throws.
  at::Tensor ImageOn(at::Device device) const;

 private:
  const at::Tensor image_;
  const int noise_index_;
  std::optional<c10::Event> made_;  // On a card: when the image is whole.
};

// The image of any StageOutput as a float tensor on `device`, for the current
// stream.
at::Tensor ImageOf(const StageOutput& output, at::Device device);

}  // namespace cascade
