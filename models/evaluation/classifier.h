#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/evaluation/feature_network.h"
#include "models/training/image_folder.h"

namespace cascade {

// A small convolutional classifier of square images, the judge of generated
// ones: levels of two 3x3 convolutions with group norm, each half the size and
// twice the width of the one before, until 4x4 or so is left; then the mean
// over the pixels, which is its feature vector, and a linear layer.
class Classifier : public FeatureNetwork {
 public:
  struct Options {
    int epochs = 12;
    int batch_size = 64;  // All images when there are fewer.
    double learning_rate = 2e-3;
    int width = 16;     // Channels of the first level; a multiple of 8.
    bool flip = false;  // Half of the images left-right.
    uint64_t seed = 1;
    int threads = 1;
    // Gets one line an epoch.
    std::function<void(const std::string&)> report = {};
  };

  // Trains one on `images` of at least 8x8 and two classes, with small random
  // changes of each.
  static absl::StatusOr<std::unique_ptr<Classifier>> Train(
      const ImageSet& images, const Options& options);
  static absl::StatusOr<std::unique_ptr<Classifier>> Load(
      const std::string& path);

  virtual absl::Status Save(const std::string& path) const = 0;
  // In the order of the labels; empty for files that do not tell.
  virtual const std::vector<std::string>& class_names() const = 0;

  // The most likely class of each image, which must have the size and the
  // channels that the classifier was trained with (FeaturesOf() takes others).
  absl::StatusOr<std::vector<int>> Classify(const ImageSet& images) const;
  // The share of images whose label is found.
  absl::StatusOr<double> Accuracy(const ImageSet& images) const;
};

}  // namespace cascade
