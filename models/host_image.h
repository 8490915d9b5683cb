#pragma once

#include <cstdint>
#include <vector>

namespace cascade {

// An image in host memory: 8 bits a channel, rows from top to bottom, channels
// interleaved (grey, or R G B). `pixels.size() == height * width * channels`.
struct HostImage {
  int height = 0;
  int width = 0;
  int channels = 0;  // 1 or 3.
  std::vector<uint8_t> pixels;
};

}  // namespace cascade
