#include "models/runtime/image_start.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>

#include <utility>
#include <vector>

#include "models/nn/resample.h"
#include "models/runtime/torch_stage_output.h"
#include "models/sampling/augmentation.h"

namespace cascade {

ImageStart::ImageStart(const StageSpec& spec,
                       std::shared_ptr<const NoiseSource> noise)
    : spec_(spec),
      noise_(std::move(noise)),
      augmentation_(spec.augmentation.schedule,
                    spec.augmentation.num_timesteps) {}

SlotState ImageStart::State(const ImagePlan& plan) const {
  SlotState state;
  state.table = plan.table;
  state.image_seed = plan.image_seed;
  state.class_id = plan.class_id.value_or(spec_.num_classes);
  state.augmentation = static_cast<float>(
      AugmentationAtLevel(augmentation_, plan.augmentation_level).index);
  return state;
}

void ImageStart::Fill(const ImagePlan& plan, const SlotPool& pool,
                      Slot slot) const {
  std::vector<float> noise(static_cast<size_t>(pool.x.stride(0)));
  Noise(plan, NoisePurpose::kInitial, noise);
  if (plan.table->initial_scale != 1) {
    for (float& value : noise) {
      value = static_cast<float>(plan.table->initial_scale *
                                 static_cast<double>(value));
    }
  }
  const at::Tensor x = pool.x.select(0, SlotPool::XRow(slot, 0));
  x.copy_(at::from_blob(noise.data(), x.sizes(), at::kFloat));
  if (spec_.low_resolution > 0) FillLowRes(plan, pool, slot);
}

// Augmented at its own resolution, as a lower stage that stopped early would
// leave it (Ho et al. 2022, section 4.1), and then enlarged. One that did stop
// early gets the noise that is missing.
void ImageStart::FillLowRes(const ImagePlan& plan, const SlotPool& pool,
                            Slot slot) const {
  at::Tensor image = HandedOver(ImageOf(*plan.input, pool.x.device()));
  const int from = plan.input->noise_index();
  const int to =
      AugmentationAtLevel(augmentation_, plan.augmentation_level).index;
  if (to > from) {
    const AugmentationPoint missing =
        AugmentationBetween(augmentation_, from, to);
    std::vector<float> noise(static_cast<size_t>(image.numel()));
    Noise(plan, NoisePurpose::kAugmentation, noise);
    const at::Tensor eps =
        at::from_blob(noise.data(), image.sizes(), at::kFloat)
            .to(image.device());
    image = image * missing.signal + eps * missing.noise;
  }
  pool.low_res.select(0, slot).copy_(
      nn::EnlargeLowResolution(image.unsqueeze(0), spec_.resolution,
                               spec_.upsampling)
          .squeeze(0));
}

at::Tensor ImageStart::HandedOver(const at::Tensor& image) const {
  if (spec_.handover == Handover::kFloat) return image;
  const at::Tensor levels = ((image + 1) * 127.5).clamp(0, 255);
  const at::Tensor whole = spec_.handover == Handover::kUint8
                               ? levels.add(0.5).floor()
                               : levels.floor();
  return whole / 127.5 - 1;
}

void ImageStart::Noise(const ImagePlan& plan, NoisePurpose purpose,
                       std::span<float> values) const {
  noise_->Fill({.seed = plan.image_seed,
                .stage = static_cast<uint32_t>(spec_.index),
                .purpose = purpose},
               values);
}

}  // namespace cascade
