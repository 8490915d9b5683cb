#include "models/plan/fused_norm.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "models/plan/fast_exp.h"

// The loops over pixels are compiled for each instruction set, and the loader
// picks one. A sanitizer's runtime is not up yet when the loader does.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CASCADE_CLONED
#else
#define CASCADE_CLONED \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
// Into each of the clones.
#define CASCADE_INLINED inline __attribute__((always_inline))

namespace cascade {
namespace {

CASCADE_INLINED float Load(float value) { return value; }
CASCADE_INLINED float Load(Bf16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

CASCADE_INLINED void Store(float value, float& out) { out = value; }
// To the nearest, ties to even. NaN stays one.
CASCADE_INLINED void Store(float value, Bf16& out) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  // By its bits: the compiler may take every comparison of floats for finite.
  const bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
  out.bits = static_cast<uint16_t>(is_nan ? 0x7fc0 : rounded);
}

CASCADE_INLINED float Silu(float x) {
  return x / (1.0f + FastExp<float, uint32_t>(-x));
}

// Sixteen channels, in as many registers as the clone's instructions need.
typedef float Vector __attribute__((vector_size(64), aligned(4)));
constexpr int64_t kLanes = 16;

CASCADE_INLINED void Load(const float* from, Vector& to) {
  to = *reinterpret_cast<const Vector*>(from);
}
CASCADE_INLINED void Load(const Bf16* from, Vector& to) {
  typedef uint16_t Halves __attribute__((vector_size(32), aligned(2)));
  typedef uint32_t Words __attribute__((vector_size(64)));
  const Halves halves = *reinterpret_cast<const Halves*>(from);
  to = reinterpret_cast<Vector>(__builtin_convertvector(halves, Words) << 16);
}

CASCADE_INLINED void AddTo(const Vector& values, double* to) {
  typedef double Doubles __attribute__((vector_size(128), aligned(8)));
  *reinterpret_cast<Doubles*>(to) += __builtin_convertvector(values, Doubles);
}

// Sums of one channel or of a vector of them, and of its squares.
template <typename Value>
struct Sums {
  Value plain = {};
  Value square = {};

  CASCADE_INLINED void Add(const Value& value) {
    plain += value;
    square += value * value;
  }
};

// Of `num_pixels` that lie `stride` apart. Even pixels and odd ones apart: an
// addition need not wait for the one before it.
template <typename Value, typename T, typename LoadValue>
CASCADE_INLINED Sums<Value> SumsOf(const T* pixels, int64_t num_pixels,
                                   int64_t stride, LoadValue load) {
  Sums<Value> even;
  Sums<Value> odd;
  Value value;
  int64_t pixel = 0;
  for (; pixel + 2 <= num_pixels; pixel += 2, pixels += 2 * stride) {
    load(pixels, value);
    even.Add(value);
    load(pixels + stride, value);
    odd.Add(value);
  }
  if (pixel < num_pixels) {
    load(pixels, value);
    even.Add(value);
  }
  even.plain += odd.plain;
  even.square += odd.square;
  return even;
}

// Of one piece: sums of each channel and of its squares. Floats over a block of
// pixels, doubles over the blocks: as exact as the block is short.
template <typename T>
CASCADE_INLINED void AddSums(const T* pixels, int64_t num_pixels,
                             int64_t channels, double* sums, double* squares) {
  constexpr int64_t kBlock = 64;
  for (int64_t begin = 0; begin < num_pixels; begin += kBlock) {
    const int64_t left = num_pixels - begin;
    const int64_t count = left < kBlock ? left : kBlock;
    const T* block = pixels + begin * channels;
    int64_t c = 0;
    for (; c + kLanes <= channels; c += kLanes) {
      const auto of =
          SumsOf<Vector>(block + c, count, channels,
                         [](const T* from, Vector& to) { Load(from, to); });
      AddTo(of.plain, sums + c);
      AddTo(of.square, squares + c);
    }
    for (; c < channels; ++c) {
      const auto of =
          SumsOf<float>(block + c, count, channels,
                        [](const T* from, float& to) { to = Load(*from); });
      sums[c] += static_cast<double>(of.plain);
      squares[c] += static_cast<double>(of.square);
    }
  }
}

// What a pixel's channels are multiplied by, and what is added then.
struct Affine {
  std::vector<float> factor;
  std::vector<float> offset;
};

// From the sums of an image's channels.
void FillAffine(const NormParameters& parameters, int64_t image, int64_t pixels,
                const std::vector<double>& sums,
                const std::vector<double>& squares, Affine& affine) {
  constexpr double kEpsilon = 1e-5;
  const int64_t channels = static_cast<int64_t>(sums.size());
  const int64_t width = channels / parameters.groups;
  const double count = static_cast<double>(pixels);
  const auto of = [&](const float* values, int64_t c) {
    return values == nullptr
               ? 0.0
               : static_cast<double>(values[image * parameters.stride + c]);
  };
  for (int64_t group = 0; group < parameters.groups; ++group) {
    double sum = 0;
    double square = 0;
    for (int64_t c = group * width; c < (group + 1) * width; ++c) {
      const size_t i = static_cast<size_t>(c);
      const double add = of(parameters.add, c);
      sum += sums[i] + count * add;
      square += squares[i] + add * (2 * sums[i] + count * add);
    }
    const double elements = count * static_cast<double>(width);
    const double mean = sum / elements;
    const double variance = std::max(square / elements - mean * mean, 0.0);
    const double inverse = 1.0 / std::sqrt(variance + kEpsilon);
    for (int64_t c = group * width; c < (group + 1) * width; ++c) {
      const size_t i = static_cast<size_t>(c);
      const double scale = 1.0 + of(parameters.scale, c);
      const double factor =
          inverse * static_cast<double>(parameters.weight[c]) * scale;
      affine.factor[i] = static_cast<float>(factor);
      affine.offset[i] =
          static_cast<float>((of(parameters.add, c) - mean) * factor +
                             static_cast<double>(parameters.bias[c]) * scale +
                             of(parameters.shift, c));
    }
  }
}

template <bool kSilu, typename T, typename Out>
CASCADE_INLINED void Apply(const T* pixels, int64_t num_pixels,
                           int64_t channels, const float* factor,
                           const float* offset, int64_t out_stride, Out* out) {
  for (int64_t pixel = 0; pixel < num_pixels; ++pixel) {
    const T* row = pixels + pixel * channels;
    Out* out_row = out + pixel * out_stride;
    for (int64_t c = 0; c < channels; ++c) {
      const float value = Load(row[c]) * factor[c] + offset[c];
      Store(kSilu ? Silu(value) : value, out_row[c]);
    }
  }
}

// The loops, once for each type: a clone can be no template.

CASCADE_CLONED void Sum(const float* pixels, int64_t num_pixels,
                        int64_t channels, double* sums, double* squares) {
  AddSums(pixels, num_pixels, channels, sums, squares);
}
CASCADE_CLONED void Sum(const Bf16* pixels, int64_t num_pixels,
                        int64_t channels, double* sums, double* squares) {
  AddSums(pixels, num_pixels, channels, sums, squares);
}

#define CASCADE_APPLY(In, Out)                                               \
  CASCADE_CLONED void Normalise(const In* pixels, int64_t num_pixels,        \
                                int64_t channels, const float* factor,       \
                                const float* offset, bool silu,              \
                                int64_t out_stride, Out* out) {              \
    if (silu) {                                                              \
      Apply<true>(pixels, num_pixels, channels, factor, offset, out_stride,  \
                  out);                                                      \
    } else {                                                                 \
      Apply<false>(pixels, num_pixels, channels, factor, offset, out_stride, \
                   out);                                                     \
    }                                                                        \
  }
CASCADE_APPLY(float, float)
CASCADE_APPLY(Bf16, Bf16)
CASCADE_APPLY(Bf16, float)
#undef CASCADE_APPLY

template <typename T, typename Out>
void Run(const NormInput<T>& input, const NormParameters& parameters,
         int64_t begin, int64_t end, Out* out) {
  const int64_t first = input.first_channels;
  const int64_t second = input.second_channels;
  const int64_t channels = first + second;
  const size_t size = static_cast<size_t>(channels);
  std::vector<double> sums(size);
  std::vector<double> squares(size);
  Affine affine{std::vector<float>(size), std::vector<float>(size)};
  for (int64_t image = begin; image < end; ++image) {
    const T* a = input.first + image * input.pixels * first;
    const T* b = input.second + image * input.pixels * second;
    std::fill(sums.begin(), sums.end(), 0.0);
    std::fill(squares.begin(), squares.end(), 0.0);
    Sum(a, input.pixels, first, sums.data(), squares.data());
    Sum(b, input.pixels, second, sums.data() + first, squares.data() + first);
    FillAffine(parameters, image, input.pixels, sums, squares, affine);
    Out* image_out = out + image * input.pixels * channels;
    Normalise(a, input.pixels, first, affine.factor.data(),
              affine.offset.data(), parameters.silu, channels, image_out);
    Normalise(b, input.pixels, second, affine.factor.data() + first,
              affine.offset.data() + first, parameters.silu, channels,
              image_out + first);
  }
}

}  // namespace

void FusedNorm(const NormInput<float>& input, const NormParameters& parameters,
               int64_t begin, int64_t end, float* out) {
  Run(input, parameters, begin, end, out);
}
void FusedNorm(const NormInput<Bf16>& input, const NormParameters& parameters,
               int64_t begin, int64_t end, Bf16* out) {
  Run(input, parameters, begin, end, out);
}
void FusedNorm(const NormInput<Bf16>& input, const NormParameters& parameters,
               int64_t begin, int64_t end, float* out) {
  Run(input, parameters, begin, end, out);
}

}  // namespace cascade
