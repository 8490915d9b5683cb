#pragma once

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "models/runtime/slot_pool.h"
#include "models/runtime/slot_state.h"
#include "models/stage_executor.h"

namespace cascade {

// A slot's image in host memory: all that its next lines read.
class TorchParkedImage final : public ParkedImage {
 public:
  // Copies the image in `slot`. Throws what LibTorch throws.
  TorchParkedImage(const StageSpec& spec, const SlotState& state,
                   const SlotPool& pool, Slot slot);

  int64_t bytes() const override;

  const StageSpec& spec() const { return spec_; }
  const SlotState& state() const { return state_; }

  // Puts the image into a slot of a pool of the same stage. Throws what
  // LibTorch throws.
  void CopyTo(const SlotPool& pool, Slot slot) const;

 private:
  // How many x0 estimates the next lines can look back on.
  int NumX0() const;

  const StageSpec spec_;
  const SlotState state_;
  at::Tensor x_;
  at::Tensor x0_;       // The latest estimate first.
  at::Tensor low_res_;  // Undefined for a base.
};

// The image that `plan` goes on with, in a stage where it would begin as
// `start`. INVALID_ARGUMENT when it was parked in another stage or for another
// plan, naming what differs.
absl::StatusOr<const TorchParkedImage*> FindParked(const StageSpec& spec,
                                                   const ImagePlan& plan,
                                                   const SlotState& start);

}  // namespace cascade
