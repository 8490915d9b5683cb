#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "models/training/train_config.h"

namespace cascade {

// A training of seconds.

// Writes a file and the folders above it.
void WriteBytes(const std::filesystem::path& path,
                const std::vector<uint8_t>& bytes);

// A folder with two classes of grey 16x16 images, `count` each, below the
// test's temporary one.
std::string MakeImageFolder(const std::string& name, int count);

// A super-resolution stage from 8x8 to 16x16 with everything on: learned
// variance, augmented input, classes, dropout, changes of the images.
TrainConfig SmallConfig(const std::string& images, const std::string& output);

}  // namespace cascade
