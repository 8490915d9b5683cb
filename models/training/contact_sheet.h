#pragma once

#include <span>

#include "models/host_image.h"

namespace cascade {

// Images of one size side by side, `columns` a row, each pixel repeated `zoom`
// times, with a grey line around each.
HostImage MakeContactSheet(std::span<const HostImage> images, int columns,
                           int zoom);

}  // namespace cascade
