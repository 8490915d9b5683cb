#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/nn/layers.h"
#include "models/weights/safetensors.h"

namespace cascade {

// What the shape of a classifier's network follows from.
struct ClassifierShape {
  int size = 0;  // Height and width of the images.
  int channels = 0;
  int classes = 0;
  int width = 16;  // Channels of the first level; a multiple of 8.
  int levels = 3;

  // As many levels as leave 4 to 7 pixels a side; one for less than 16.
  static int LevelsFor(int size);
};

// The network of Classifier.
class ClassifierNetwork : public torch::nn::Module {
 public:
  static constexpr int64_t kNormGroups = 8;

  explicit ClassifierNetwork(const ClassifierShape& shape);

  // [n, channels, size, size] in [-1, 1] to [n, dimensions].
  at::Tensor Features(at::Tensor x);
  // Of features, to [n, classes].
  at::Tensor Logits(const at::Tensor& features);

 private:
  struct Level {
    std::shared_ptr<nn::Conv2d> conv1, conv2;
    std::shared_ptr<nn::GroupNorm> norm1, norm2;
  };
  std::vector<Level> levels_;
  std::shared_ptr<nn::Linear> out_;
};

// What a classifier's file says beside the weights.
std::map<std::string, std::string> ClassifierMetadata(
    const ClassifierShape& shape, const std::vector<std::string>& class_names);

// INVALID_ARGUMENT for another file. Files of before there was a choice tell no
// width, no levels and no names.
absl::StatusOr<ClassifierShape> ReadClassifierShape(
    const SafetensorsFile& file);
absl::StatusOr<std::vector<std::string>> ReadClassifierNames(
    const SafetensorsFile& file, int classes);

}  // namespace cascade
