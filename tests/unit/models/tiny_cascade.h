#pragma once

#include <string>
#include <vector>

#include "models/weights/cascade_manifest.h"

namespace cascade {

// Stages with small networks that make use of every input.

// 8x8, grey, ten classes with a null class, learned variance.
StageManifest TinyBase();
// 8x8 to 16x16, grey, ten classes with a null class, augmented input, v.
StageManifest TinySuperResolution();
// 8x8, RGB, no classes.
StageManifest TinyUnconditional();

// Writes a package of these stages with random weights to a new folder below
// the test's temporary one, and returns it.
std::string WritePackage(const std::string& name,
                         std::vector<StageManifest> stages);

}  // namespace cascade
