#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "models/weights/cascade_manifest.h"

namespace cascade {

// Random changes of the training images; each image is changed with
// `probability`, by amounts drawn evenly within the limits.
struct ImageAugmentation {
  double probability = 0;
  double rotate_degrees = 0;
  double shift = 0;  // Fraction of the image's size.
  double scale = 0;  // 0.1: 0.9 to 1.1 times the size.
  double shear = 0;
  bool flip = false;  // Left-right, half of all images; probability apart.
};

// How the learning rate goes from its peak to final_learning_rate.
enum class LearningRateDecay { kConstant, kLinear, kCosine };

struct OptimizerOptions {
  int steps = 0;
  int batch_size = 64;
  double learning_rate = 1e-4;
  double final_learning_rate = 0;
  LearningRateDecay decay = LearningRateDecay::kConstant;
  int warmup_steps = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;     // AdamW's: apart from the gradient.
  double gradient_clip = 1.0;  // Largest norm; 0: no clipping.
  double ema_decay = 0.9999;
  double label_dropout = 0;  // Share of examples that get the null class.
};

// One stage and how it is trained: a configuration file of
// `cascade-model train`, described in models/README.md.
struct TrainConfig {
  // As the package will have it; its sampler draws the sample grids.
  StageManifest stage;
  std::string train_folder;  // Relative paths start at the working directory.
  std::string test_folder;   // For sample grids of SR stages; may be empty.
  int cache_resolution = 0;  // Size of the images in memory.
  std::string output;        // Folder of checkpoints and grids.
  // Of the initial weights and of every random number; the position of the
  // stage in the cascade sets them apart.
  uint64_t seed = 0;
  int log_every = 50;
  int checkpoint_every = 1000;
  int sample_every = 1000;

  ImageAugmentation image_augmentation;
  OptimizerOptions optimizer;
};

// INVALID_ARGUMENT with file, JSON path and value of what is wrong.
absl::StatusOr<TrainConfig> ReadTrainConfig(const std::string& path);

}  // namespace cascade
