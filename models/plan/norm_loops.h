// The loops of group normalisation, for one instruction set; see
// vector_lanes.h.

#include <cstdint>

#include "models/plan/fast_exp.h"
#include "models/plan/norm_problem.h"
#include "models/plan/vector_lanes.h"

namespace cascade {
namespace {

// Sums of some channels and of their squares.
template <int kLanes>
struct LaneSums {
  Floats<kLanes> plain = {};
  Floats<kLanes> square = {};

  CASCADE_INLINED void Add(const Floats<kLanes>& values) {
    plain += values;
    square += values * values;
  }
};

// Of `num_pixels` that lie `stride` apart. Even pixels and odd ones apart: an
// addition need not wait for the one before it.
template <int kLanes, typename T>
CASCADE_INLINED LaneSums<kLanes> SumsOf(const T* pixels, int64_t num_pixels,
                                        int64_t stride) {
  LaneSums<kLanes> even;
  LaneSums<kLanes> odd;
  int64_t pixel = 0;
  for (; pixel + 2 <= num_pixels; pixel += 2, pixels += 2 * stride) {
    even.Add(Load<kLanes>(pixels));
    odd.Add(Load<kLanes>(pixels + stride));
  }
  if (pixel < num_pixels) even.Add(Load<kLanes>(pixels));
  even.plain += odd.plain;
  even.square += odd.square;
  return even;
}

template <int kLanes>
CASCADE_INLINED void AddTo(const Floats<kLanes>& values, double* to) {
  typedef double Doubles __attribute__((vector_size(8 * kLanes), aligned(8)));
  *reinterpret_cast<Doubles*>(to) += __builtin_convertvector(values, Doubles);
}

// Whole vectors of channels from `c` on; where they end.
template <int kLanes, typename T>
CASCADE_INLINED int64_t AddSumsOfLanes(const NormSums<T>& p, const T* block,
                                       int64_t num_pixels, int64_t c) {
  for (; c + kLanes <= p.channels; c += kLanes) {
    const auto sums = SumsOf<kLanes>(block + c, num_pixels, p.channels);
    AddTo<kLanes>(sums.plain, p.sums + c);
    AddTo<kLanes>(sums.square, p.squares + c);
  }
  return c;
}

// Floats over a block of pixels, doubles over the blocks: as exact as the block
// is short.
template <int kLanes, typename T>
CASCADE_INLINED void AddSums(const NormSums<T>& p) {
  constexpr int64_t kBlock = 64;
  for (int64_t begin = 0; begin < p.num_pixels; begin += kBlock) {
    const int64_t left = p.num_pixels - begin;
    const int64_t count = left < kBlock ? left : kBlock;
    const T* block = p.pixels + begin * p.channels;
    const int64_t rest = AddSumsOfLanes<kLanes>(p, block, count, 0);
    AddSumsOfLanes<1>(p, block, count, rest);
  }
}

template <int kLanes, int kCount>
CASCADE_INLINED void Silu(Floats<kLanes> (&x)[kCount]) {
  Floats<kLanes> exponential[kCount];
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) exponential[i] = -x[i];
  FastExp<Floats<kLanes>, typename Lanes<kLanes>::Words>(exponential);
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) {
    x[i] *= Reciprocal<kLanes>(exponential[i] + 1.0f);
  }
}

// A vector of channels of kPixels pixels.
template <int kLanes, int kPixels, bool kSilu, typename In, typename Out>
CASCADE_INLINED void ApplyToPixels(const NormApply<In, Out>& p, int64_t pixel,
                                   int64_t c) {
  const Floats<kLanes> factor = Load<kLanes>(p.factor + c);
  const Floats<kLanes> offset = Load<kLanes>(p.offset + c);
  const In* from = p.pixels + pixel * p.channels + c;
  Out* to = p.out + pixel * p.out_stride + c;
  Floats<kLanes> values[kPixels];
#pragma GCC unroll 8
  for (int i = 0; i < kPixels; ++i) {
    values[i] = Load<kLanes>(from + i * p.channels) * factor + offset;
  }
  if constexpr (kSilu) Silu<kLanes>(values);
#pragma GCC unroll 8
  for (int i = 0; i < kPixels; ++i) {
    Store<kLanes>(values[i], to + i * p.out_stride);
  }
}

// Whole vectors of channels from `c` on; where they end.
template <int kLanes, bool kSilu, typename In, typename Out>
CASCADE_INLINED int64_t ApplyToLanes(const NormApply<In, Out>& p, int64_t c) {
  for (; c + kLanes <= p.channels; c += kLanes) {
    constexpr int kTogether = 8;  // See FastExp().
    int64_t pixel = 0;
    for (; pixel + kTogether <= p.num_pixels; pixel += kTogether) {
      ApplyToPixels<kLanes, kTogether, kSilu>(p, pixel, c);
    }
    for (; pixel < p.num_pixels; ++pixel) {
      ApplyToPixels<kLanes, 1, kSilu>(p, pixel, c);
    }
  }
  return c;
}

template <int kLanes, bool kSilu, typename In, typename Out>
CASCADE_INLINED void ApplyTyped(const NormApply<In, Out>& p) {
  const int64_t rest = ApplyToLanes<kLanes, kSilu>(p, 0);
  ApplyToLanes<1, kSilu>(p, rest);
}

template <int kLanes, typename In, typename Out>
CASCADE_INLINED void Apply(const NormApply<In, Out>& p) {
  if (p.silu) {
    ApplyTyped<kLanes, true>(p);
  } else {
    ApplyTyped<kLanes, false>(p);
  }
}

}  // namespace
}  // namespace cascade
