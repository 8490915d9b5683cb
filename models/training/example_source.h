#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/training/image_folder.h"
#include "models/training/train_config.h"

namespace cascade {

// Training examples of one step.
struct ExampleBatch {
  at::Tensor image;     // [batch, channels, size, size], float in [-1, 1].
  at::Tensor low_res;   // The image reduced by area; undefined for a base.
  at::Tensor class_id;  // [batch], int64: num_classes where it was dropped.
};

// Draws the examples of each step from images in memory: a new order each
// epoch, random changes, reduction to the stage's resolution. A batch is a
// function of the configuration's seed and the step alone.
class ExampleSource {
 public:
  ExampleSource(const TrainConfig& config, ImageSet images);

  ExampleBatch Draw(int64_t step);
  // The first `count` images, evenly over the classes, unchanged.
  ExampleBatch Examples(int64_t count) const;

  int64_t count() const { return images_.count(); }

 private:
  int64_t ImageAt(int64_t position);
  at::Tensor Pixels(const std::vector<int64_t>& indices) const;
  at::Tensor Augmented(const at::Tensor& images, int64_t step) const;
  ExampleBatch Reduced(const at::Tensor& images) const;

  const TrainConfig config_;
  const ImageSet images_;
  at::Tensor pixels_;  // [image, y, x, channel], over images_.pixels.
  int64_t epoch_ = -1;
  std::vector<int64_t> order_;  // Of epoch_.
};

}  // namespace cascade
