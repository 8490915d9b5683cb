#include "models/runtime/step_update.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace cascade {
namespace {

// Elements computed together: their intermediate values stay in the L1 cache,
// and each pass over them is a plain loop that compilers vectorise.
constexpr size_t kBlock = 256;
using Block = std::array<double, kBlock>;

void Load(const float* source, size_t count, Block& out) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<double>(source[i]);
}

void Store(const Block& block, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(block[i]);
}

// uncond + scale (cond - uncond)
void Guide(const float* unconditional, double scale, size_t count,
           Block& output) {
  for (size_t i = 0; i < count; ++i) {
    const double base = static_cast<double>(unconditional[i]);
    output[i] = base + scale * (output[i] - base);
  }
}

// c_x x + c_out output, as c_x (x + c_out / c_x output) with the sum in float.
// Near pure noise its terms cancel and c_x is large (2e4 at the end of a cosine
// schedule), so how the sum is rounded shows; float is how the published
// pipelines round it, and as fine as the network's output.
void EstimateX0(const SamplerLine& line, const float* x, size_t count,
                Block& output) {
  if (line.c_x == 0) {
    for (size_t i = 0; i < count; ++i) output[i] *= line.c_out;
    return;
  }
  const float ratio = static_cast<float>(line.c_out / line.c_x);
  for (size_t i = 0; i < count; ++i) {
    const float sum = x[i] + ratio * static_cast<float>(output[i]);
    output[i] = line.c_x * static_cast<double>(sum);
  }
}

// As floats, which is what becomes of them.
bool AllFinite(const Block& values, size_t count) {
  // 0 times an infinite or NaN is NaN, and stays so in a sum.
  float sum = 0;
  for (size_t i = 0; i < count; ++i) {
    sum += 0.0f * static_cast<float>(values[i]);
  }
  return sum == 0;
}

// To [-limit, limit], as a fraction of `limit`.
void Clip(double limit, size_t count, Block& values) {
  for (size_t i = 0; i < count; ++i) {
    values[i] = std::clamp(values[i], -limit, limit);
  }
  if (limit == 1) return;
  for (size_t i = 0; i < count; ++i) values[i] /= limit;
}

void AddWeighted(const float* source, double weight, size_t count,
                 Block& values) {
  for (size_t i = 0; i < count; ++i) {
    values[i] += weight * static_cast<double>(source[i]);
  }
}

// Adds exp(log_variance / 2) * noise, with log_variance between the bounds at
// the fraction (v + 1) / 2.
void AddLearnedNoise(const float* noise, const float* v,
                     const SamplerLine& line, size_t count, Block& values) {
  const double range = line.max_log_variance - line.min_log_variance;
  for (size_t i = 0; i < count; ++i) {
    const double fraction = 0.5 * (static_cast<double>(v[i]) + 1);
    const double deviation =
        std::exp(0.5 * (line.min_log_variance + fraction * range));
    values[i] += deviation * static_cast<double>(noise[i]);
  }
}

// The x0 estimates from `begin`, before any threshold.
void LoadX0(const StepUpdate& update, size_t begin, size_t count, Block& x0) {
  Load(update.output + begin, count, x0);
  if (update.line->guided) {
    Guide(update.unconditional_output + begin, update.guidance_scale, count,
          x0);
  }
  EstimateX0(*update.line, update.x + begin, count, x0);
}

// The s of a dynamic threshold; none when an x0 is not finite.
std::optional<double> DynamicLimit(const StepUpdate& update) {
  std::vector<float> magnitudes(update.size);
  for (size_t begin = 0; begin < update.size; begin += kBlock) {
    const size_t count = std::min(kBlock, update.size - begin);
    Block x0;
    LoadX0(update, begin, count, x0);
    if (!AllFinite(x0, count)) return std::nullopt;
    for (size_t i = 0; i < count; ++i) {
      magnitudes[begin + i] = static_cast<float>(std::abs(x0[i]));
    }
  }
  const ThresholdOptions& threshold = update.line->threshold;
  return std::clamp(Quantile(magnitudes, threshold.quantile), 1.0,
                    threshold.max);
}

// The elements from `begin`, x0 within [-limit, limit] if there is one; false
// when one is not finite.
bool UpdateBlock(const StepUpdate& update, std::optional<double> limit,
                 size_t begin, size_t count) {
  const SamplerLine& line = *update.line;
  Block x;
  Load(update.x + begin, count, x);

  Block x0;
  LoadX0(update, begin, count, x0);
  bool finite = AllFinite(x0, count);
  if (limit.has_value()) Clip(*limit, count, x0);
  Store(x0, count, update.x0 + begin);

  for (size_t i = 0; i < count; ++i) {
    x[i] = line.a * x[i] + line.b[0] * x0[i];
  }
  for (size_t k = 1; k < kHistoryLength; ++k) {
    if (line.b[k] == 0) continue;
    AddWeighted(update.history[k] + begin, line.b[k], count, x);
  }
  if (line.adds_noise && update.learned_variance) {
    AddLearnedNoise(update.noise + begin, update.output + update.size + begin,
                    line, count, x);
  } else if (line.adds_noise) {
    AddWeighted(update.noise + begin, std::exp(0.5 * line.min_log_variance),
                count, x);
  }
  finite = AllFinite(x, count) && finite;
  Store(x, count, update.x_next + begin);
  return finite;
}

}  // namespace

bool UpdateImage(const StepUpdate& update) {
  std::optional<double> limit;
  switch (update.line->threshold.kind) {
    case ThresholdKind::kNone:
      break;
    case ThresholdKind::kStatic:
      limit = 1;
      break;
    case ThresholdKind::kDynamic:
      limit = DynamicLimit(update);
      if (!limit.has_value()) return false;
  }
  bool finite = true;
  for (size_t begin = 0; begin < update.size; begin += kBlock) {
    const size_t count = std::min(kBlock, update.size - begin);
    finite = UpdateBlock(update, limit, begin, count) && finite;
  }
  return finite;
}

double Quantile(std::span<float> values, double fraction) {
  const QuantilePlace place = PlaceOfQuantile(values.size(), fraction);
  const auto lower = values.begin() + static_cast<std::ptrdiff_t>(place.lower);
  std::nth_element(values.begin(), lower, values.end());
  const double low = static_cast<double>(*lower);
  if (place.weight == 0) return low;
  const double high =
      static_cast<double>(*std::min_element(lower + 1, values.end()));
  return low + place.weight * (high - low);
}

QuantilePlace PlaceOfQuantile(size_t count, double fraction) {
  const double position = fraction * static_cast<double>(count - 1);
  const double lower = std::floor(position);
  return {.lower = static_cast<size_t>(lower), .weight = position - lower};
}

void ToPixels(const float* image, int channels, size_t plane_size,
              std::span<uint8_t> pixels) {
  const size_t stride = static_cast<size_t>(channels);
  for (size_t channel = 0; channel < stride; ++channel) {
    const float* plane = image + channel * plane_size;
    for (size_t i = 0; i < plane_size; ++i) {
      const float level = (std::clamp(plane[i], -1.0f, 1.0f) + 1) * 127.5f;
      pixels[i * stride + channel] = static_cast<uint8_t>(level + 0.5f);
    }
  }
}

}  // namespace cascade
