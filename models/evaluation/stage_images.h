#pragma once

#include <cstdint>
#include <vector>

namespace cascade {

// Images that one stage made: exactly, for the stage above, and as they are
// looked at.
struct StageImages {
  int resolution = 0;           // Height and width.
  int channels = 0;             // 1 or 3.
  std::vector<uint64_t> seeds;  // One per image.
  std::vector<int> labels;      // The class asked for; 0 without classes.
  std::vector<float> values;    // [image][channel][y][x], nominally -1 to 1.
  // The noise that is left in `values`: StageOutput::noise_index().
  int noise_index = 0;
  std::vector<uint8_t> pixels;  // [image][y][x][channel]

  int64_t count() const { return static_cast<int64_t>(seeds.size()); }
};

}  // namespace cascade
