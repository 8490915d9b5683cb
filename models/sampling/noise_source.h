#pragma once

#include <cstdint>
#include <span>

namespace cascade {

// What a random number is for. The values are part of what a seed means: never
// change or reuse one.
enum class NoisePurpose : uint32_t {
  kInitial = 0,       // x_T
  kStep = 1,          // the noise that a line adds
  kAugmentation = 2,  // of a low-resolution input
  // Training: step is the optimiser's, stage the stage's.
  kTrainingNoise = 16,         // eps of the forward process
  kTrainingTimestep = 17,      // which timestep an example gets
  kTrainingLabelDropout = 18,  // whether its label is dropped
  kTrainingAugmentation = 19,  // the low-resolution input's noise
  kTrainingAugmentationLevel = 20,
  kTrainingImage = 21,       // which image, and how it is shifted or flipped
  kTrainingShuffle = 22,     // the order of an epoch; step is the epoch
  kTrainingBlur = 23,        // which low-resolution inputs are blurred, and how
  kTrainingNoiseLevel = 24,  // where in its timestep an example's noise lies
  // The variational bound: seed and stage are as above, seed + the image's
  // number in the folder.
  kBoundOrder = 32,         // which images; step is 0
  kBoundTimestep = 33,      // which timesteps of an image
  kBoundNoise = 34,         // eps of the forward process; step is the draw
  kBoundAugmentation = 35,  // of a low-resolution input
  // Evaluation: step is a round.
  kEvaluationOrder = 48,  // which images, and in which order
};

// Names one field of random numbers; its elements are numbered in logical
// C x H x W order.
struct NoiseKey {
  uint64_t seed = 0;  // The image's.
  uint32_t stage = 0;
  NoisePurpose purpose = NoisePurpose::kInitial;
  uint32_t step = 0;  // The line that adds it; 0 for the other purposes.
};

// Where a stage's normals come from: counters in serving, a recording in a
// parity test. Thread-safe.
class NoiseSource {
 public:
  virtual ~NoiseSource() = default;

  virtual void Fill(const NoiseKey& key, std::span<float> values) const = 0;
};

}  // namespace cascade
