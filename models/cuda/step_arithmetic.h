#pragma once

#include <c10/macros/Macros.h>
#include <math.h>

#include <cstdint>

namespace cascade {

// The arithmetic of models/runtime/step_update.cc for one element, where nvcc
// compiles it: the same operations in the same order and types, without fused
// multiply-adds, so the same bits but for exp() of a learned variance.

enum class CardThreshold : int32_t { kNone, kStatic, kDynamic };

// What the arithmetic needs of a SamplerLine.
struct CardLine {
  double guidance_scale;
  double c_x;
  double c_out;
  double a;
  double b[4];
  double min_log_variance;
  double log_variance_range;
  double deviation;    // Of the noise, where the variance is not learned.
  float output_ratio;  // c_out / c_x
  CardThreshold threshold;
  bool guided;
  bool adds_noise;
  bool learned_variance;
};

C10_HOST_DEVICE inline bool IsFiniteFloat(double value) {
  return isfinite(static_cast<float>(value));
}

// Before any threshold.
C10_HOST_DEVICE inline double CardX0(const CardLine& line, float x,
                                     float output, float unconditional) {
  double prediction = static_cast<double>(output);
  if (line.guided) {
    const double base = static_cast<double>(unconditional);
    prediction = base + line.guidance_scale * (prediction - base);
  }
  if (line.c_x == 0) return prediction * line.c_out;
  const float sum = x + line.output_ratio * static_cast<float>(prediction);
  return line.c_x * static_cast<double>(sum);
}

// To [-limit, limit], as a fraction of `limit`.
C10_HOST_DEVICE inline double CardClip(double x0, double limit) {
  const double clipped = x0 < -limit ? -limit : limit < x0 ? limit : x0;
  return limit == 1 ? clipped : clipped / limit;
}

// Without the history and the noise.
C10_HOST_DEVICE inline double CardNextX(const CardLine& line, float x,
                                        double x0) {
  return line.a * static_cast<double>(x) + line.b[0] * x0;
}

// `v` is the learned variance's output.
C10_HOST_DEVICE inline double CardDeviation(const CardLine& line, float v) {
  if (!line.learned_variance) return line.deviation;
  const double fraction = 0.5 * (static_cast<double>(v) + 1);
  return exp(0.5 *
             (line.min_log_variance + fraction * line.log_variance_range));
}

C10_HOST_DEVICE inline uint8_t CardPixel(float value) {
  const float clamped = value < -1.0f ? -1.0f : 1.0f < value ? 1.0f : value;
  return static_cast<uint8_t>((clamped + 1) * 127.5f + 0.5f);
}

}  // namespace cascade
