#pragma once

#include <cstdint>
#include <vector>

namespace cascade {

// What a network says about images: row i is image i's.
struct FeatureSet {
  int64_t count = 0;
  int dimensions = 0;                // Of a feature vector.
  int classes = 0;                   // 0: the network gives no probabilities.
  std::vector<float> features;       // [count][dimensions]
  std::vector<float> probabilities;  // [count][classes]; a row's sum is 1.
};

}  // namespace cascade
