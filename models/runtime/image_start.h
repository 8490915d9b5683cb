#pragma once

#include <memory>

#include "models/runtime/slot_pool.h"
#include "models/runtime/slot_state.h"
#include "models/sampling/noise_schedule.h"
#include "models/sampling/noise_source.h"
#include "models/stage_executor.h"

namespace cascade {

// What images of a stage begin with: x_T and the conditioning.
class ImageStart {
 public:
  ImageStart(const StageSpec& spec, std::shared_ptr<const NoiseSource> noise);

  SlotState State(const ImagePlan& plan) const;
  // Throws what LibTorch throws.
  void Fill(const ImagePlan& plan, const SlotPool& pool, Slot slot) const;

 private:
  void FillLowRes(const ImagePlan& plan, const SlotPool& pool, Slot slot) const;
  // What the stage makes of the lower one's image.
  at::Tensor HandedOver(const at::Tensor& image) const;
  void Noise(const ImagePlan& plan, NoisePurpose purpose,
             std::span<float> values) const;

  const StageSpec spec_;
  const std::shared_ptr<const NoiseSource> noise_;
  const NoiseSchedule augmentation_;
};

}  // namespace cascade
