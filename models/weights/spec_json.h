#pragma once

#include <string>
#include <vector>

#include "models/nn/unet_config.h"
#include "models/sampling/diffusion_spec.h"
#include "models/stage_spec.h"
#include "models/weights/json_fields.h"

namespace cascade {

// The JSON objects that training configurations and package manifests share.
// The readers report to `fields`, Finish() included; the writers write every
// field.

// "network". What follows from other parts stays out of it: image_channels,
// out_channels, super_resolution and augmentation_embedding.
absl::Status ReadNetwork(JsonFields fields, UNetConfig* config);
nlohmann::ordered_json WriteNetwork(const UNetConfig& config);

// The values of "low_resolution_upsampling" and "handover", in the order of the
// enumerators.
const std::vector<std::string>& UpsamplingNames();
const std::vector<std::string>& HandoverNames();

// The values of "precision", in the order of the enumerators.
const std::vector<std::string>& PrecisionNames();

// "diffusion".
absl::Status ReadDiffusion(JsonFields fields, DiffusionSpec* spec);
nlohmann::ordered_json WriteDiffusion(const DiffusionSpec& spec);

// "conditioning_augmentation"; sets `enabled`.
absl::Status ReadAugmentation(JsonFields fields, AugmentationSpec* spec);
nlohmann::ordered_json WriteAugmentation(const AugmentationSpec& spec);

// "sampler", of a stage that was trained as `diffusion`.
absl::Status ReadSampler(JsonFields fields, const DiffusionSpec& diffusion,
                         SamplerOptions* options);
nlohmann::ordered_json WriteSampler(const SamplerOptions& options);

}  // namespace cascade
