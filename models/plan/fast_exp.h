#pragma once

#include <cstdint>

namespace cascade {
namespace {

// x = e^x within 2 units in the last place; as at -87 below it, infinite above
// 88. Of floats, or of vectors of them; Word is uint32_t or a vector of as
// many. Each step for all of them before the next one: a processor that sees
// the steps of eight at once need not wait for any. Inlined everywhere: for
// whatever instructions its caller is compiled.
template <typename Float, typename Word, int kCount>
inline __attribute__((always_inline)) void FastExp(Float (&x)[kCount]) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693145752f;  // 16 bits: n * it is exact.
  constexpr float kLn2Low = 1.42860677e-6f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: leaves an integer.
  // Cephes' polynomial for e^r - 1 - r, |r| <= ln(2) / 2 (S. Moshier, expf).
  constexpr float kPolynomial[] = {1.3981999507e-3f, 8.3334519073e-3f,
                                   4.1665795894e-2f, 1.6666665459e-1f,
                                   5.0000001201e-1f};
  const Float low = Float{} - 87.0f;
  const Float high = Float{} + 88.0f;
  Float p[kCount];
  Word power[kCount];
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) x[i] = x[i] > low ? x[i] : low;
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) x[i] = x[i] < high ? x[i] : high;
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) p[i] = x[i] * kLog2E + kRound;
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) {
    power[i] = (__builtin_bit_cast(Word, p[i]) + 127u) << 23;  // 2^n
    p[i] -= kRound;                                            // n
  }
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) x[i] -= p[i] * kLn2High;
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) {
    x[i] -= p[i] * kLn2Low;  // r
    p[i] = Float{} + 1.9875691500e-4f;
  }
#pragma GCC unroll 8
  for (const float coefficient : kPolynomial) {
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) p[i] = p[i] * x[i] + coefficient;
  }
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) p[i] *= x[i];
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) p[i] = p[i] * x[i] + x[i] + 1.0f;
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) {
    x[i] = p[i] * __builtin_bit_cast(Float, power[i]);
  }
}

}  // namespace
}  // namespace cascade
