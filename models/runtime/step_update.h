#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "models/sampling/sampler_table.h"

namespace cascade {

// One line of one image, after its network evaluation: the arithmetic of
// SamplerLine. Pointers are to float images of `size` elements, channels first.
struct StepUpdate {
  const SamplerLine* line = nullptr;
  double guidance_scale = 1;
  // Outputs have `size` more elements after the prediction: the variance's.
  bool learned_variance = false;
  size_t size = 0;

  const float* x = nullptr;
  const float* output = nullptr;
  // Of the null class; read when the line is guided.
  const float* unconditional_output = nullptr;
  // Earlier x0, history[k] for line->b[k]; [0] is unused, and so is any other
  // where b is 0.
  std::array<const float*, kHistoryLength> history = {};
  const float* noise = nullptr;  // Read when the line adds noise.

  float* x0 = nullptr;      // Out: the new history[0].
  float* x_next = nullptr;  // Out; may not be x.
};

// Computes x0 and x_next element by element, in double but for one sum (and the
// order of |x0|, as floats, for a dynamic threshold), so that an image's result
// does not depend on what is computed beside it. Returns false when an output,
// x0 before the threshold, or x_next is infinite or NaN.
bool UpdateImage(const StepUpdate& update);

// Where the quantile at `fraction` (0..1) of `count` (1 or more) ordered values
// is: past value `lower` by `weight` (below 1) of the way to the next one.
struct QuantilePlace {
  size_t lower = 0;
  double weight = 0;
};
QuantilePlace PlaceOfQuantile(size_t count, double fraction);

// The quantile, between neighbours linearly. Reorders `values`, which are
// finite and not empty.
double Quantile(std::span<float> values, double fraction);

// Rounds an image of `channels` planes, nominally in [-1, 1], to 8 bits with
// the channels interleaved; values outside are clamped.
void ToPixels(const float* image, int channels, size_t plane_size,
              std::span<uint8_t> pixels);

}  // namespace cascade
