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

template <int kLanes>
CASCADE_INLINED Floats<kLanes> Silu(const Floats<kLanes>& x) {
  return x *
         Reciprocal<kLanes>(
             FastExp<Floats<kLanes>, typename Lanes<kLanes>::Words>(-x) + 1.0f);
}

// Whole vectors of a pixel's channels from `c` on; where they end.
template <int kLanes, bool kSilu, typename In, typename Out>
CASCADE_INLINED int64_t ApplyToLanes(const NormApply<In, Out>& p, int64_t pixel,
                                     int64_t c) {
  const In* row = p.pixels + pixel * p.channels;
  Out* out = p.out + pixel * p.out_stride;
  for (; c + kLanes <= p.channels; c += kLanes) {
    const Floats<kLanes> value =
        Load<kLanes>(row + c) * Load<kLanes>(p.factor + c) +
        Load<kLanes>(p.offset + c);
    Store<kLanes>(kSilu ? Silu<kLanes>(value) : value, out + c);
  }
  return c;
}

template <int kLanes, bool kSilu, typename In, typename Out>
CASCADE_INLINED void ApplyTyped(const NormApply<In, Out>& p) {
  for (int64_t pixel = 0; pixel < p.num_pixels; ++pixel) {
    const int64_t rest = ApplyToLanes<kLanes, kSilu>(p, pixel, 0);
    ApplyToLanes<1, kSilu>(p, pixel, rest);
  }
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
