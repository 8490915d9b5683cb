#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "models/stage_spec.h"

namespace cascade {

// Three stages of 8, 16 and 32 pixels, grey, ten classes.
// Stage 0: guidance. Stage 1: augmentation, no null class. Stage 2: both, and
// it is told noise levels.
inline CascadeSpec Digits() {
  CascadeSpec cascade;
  cascade.name = "digits";
  cascade.digest = "a digest";
  for (int i = 0; i < 10; ++i) {
    cascade.class_names.push_back(absl::StrCat("digit", i));
  }
  for (int k = 0; k < 3; ++k) {
    StageSpec stage;
    stage.index = k;
    stage.resolution = 8 << k;
    stage.name = absl::StrCat(stage.resolution, "x", stage.resolution);
    stage.channels = 1;
    if (k > 0) stage.low_resolution = 4 << k;
    // 0000..., 1111..., 2222...
    stage.weights_sha256 = std::string(64, static_cast<char>('0' + k));
    if (k == 2) stage.diffusion.conditioning = NoiseConditioning::kNoiseLevel;
    stage.num_classes = 10;
    stage.has_null_class = k != 1;
    stage.augmentation.enabled = k != 0;
    stage.augmentation.default_level = 0.1;
    stage.augmentation.max_level = 0.5;
    stage.default_sampler.num_steps = 20;
    stage.default_sampler.eta = 0.5;
    stage.default_sampler.guidance.scale = k != 1 ? 2 : 1;
    cascade.stages.push_back(stage);
  }
  return cascade;
}

// The same without classes.
inline CascadeSpec Unconditional() {
  CascadeSpec cascade = Digits();
  cascade.class_names.clear();
  for (StageSpec& stage : cascade.stages) {
    stage.num_classes = 0;
    stage.has_null_class = false;
  }
  return cascade;
}

}  // namespace cascade
