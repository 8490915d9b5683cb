#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/training/image_folder.h"

namespace cascade {

// A small convolutional classifier of images, the judge of generated ones:
// three levels of two 3x3 convolutions with group norm, then the mean over the
// pixels.
class Classifier {
 public:
  struct Options {
    int epochs = 12;
    int batch_size = 64;
    double learning_rate = 2e-3;
    uint64_t seed = 1;
    int threads = 1;
    // Gets one line an epoch.
    std::function<void(const std::string&)> report;
  };

  // Trains one on `images`, with small random changes of each.
  static absl::StatusOr<std::unique_ptr<Classifier>> Train(
      const ImageSet& images, const Options& options);
  static absl::StatusOr<std::unique_ptr<Classifier>> Load(
      const std::string& path);

  virtual ~Classifier() = default;

  virtual absl::Status Save(const std::string& path) const = 0;
  // The most likely class of each image. The set must have the size and the
  // channels that the classifier was trained with.
  virtual absl::StatusOr<std::vector<int>> Classify(
      const ImageSet& images) const = 0;

  // The share of images whose label is found.
  absl::StatusOr<double> Accuracy(const ImageSet& images) const;
};

}  // namespace cascade
