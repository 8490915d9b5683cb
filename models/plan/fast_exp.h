#pragma once

#include <cstdint>

namespace cascade {
namespace {

// e^x within 2 units in the last place; as at -87 below it, infinite above 88.
// Of one float, or of a vector of them; Word is uint32_t or a vector of as
// many. Inlined everywhere: for whatever instructions its caller is compiled.
template <typename Float, typename Word>
inline __attribute__((always_inline)) Float FastExp(Float x) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693145752f;  // 16 bits: n * it is exact.
  constexpr float kLn2Low = 1.42860677e-6f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: leaves an integer.
  const Float low = Float{} - 87.0f;
  const Float high = Float{} + 88.0f;
  const Float above = x > low ? x : low;
  const Float clamped = above < high ? above : high;
  const Float shifted = clamped * kLog2E + kRound;
  const Float n = shifted - kRound;
  const Float r = (clamped - n * kLn2High) - n * kLn2Low;
  // Cephes' polynomial for e^r - 1 - r, |r| <= ln(2) / 2 (S. Moshier, expf).
  Float p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const Float value = p * r * r + r + 1.0f;
  const Word power = (__builtin_bit_cast(Word, shifted) + 127u) << 23;  // 2^n
  return value * __builtin_bit_cast(Float, power);
}

}  // namespace
}  // namespace cascade
