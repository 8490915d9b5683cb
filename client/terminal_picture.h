#pragma once

#include <string>
#include <vector>

#include "cascade/v1/image.pb.h"
#include "client/terminal.h"

namespace cascade {

// Draws raw images side by side with half blocks, one character for two pixels
// above each other, each image scaled to `size` x `size` pixels. One string a
// line, without newline; `(size + 1) / 2` lines. An image that is not raw, or
// null, leaves its place blank.
std::vector<std::string> DrawPictures(
    const std::vector<const v1::Image*>& images, int size, ColorDepth colors);

}  // namespace cascade
