#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/nn/unet.h"
#include "models/weights/cascade_manifest.h"

namespace cascade {

// Small networks with random weights that make use of every input.

// 8x8, grey, ten classes with a null class, learned variance.
StageManifest TinyBase();
// 8x8 to 16x16, grey, ten classes with a null class, augmented input, v.
StageManifest TinySuperResolution();
// 8x8, RGB, no classes.
StageManifest TinyUnconditional();

// A network with weights that are a function of `seed`.
std::shared_ptr<nn::UNet> RandomUNet(const UNetConfig& config, uint64_t seed);

// Writes a package of these stages with random weights to a new folder below
// the test's temporary one, and returns it.
std::string WritePackage(const std::string& name,
                         std::vector<StageManifest> stages);

}  // namespace cascade
