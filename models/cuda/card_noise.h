#pragma once

#include <c10/macros/Macros.h>
#include <math.h>

#include <cstdint>

namespace cascade {

// The counter-based noise of models/sampling/counter_noise.h where nvcc
// compiles it. The integers are the same. Logarithm, sine and cosine are in
// double and differ in the last bit between mathematics libraries, so that a
// normal, rounded to float, differs about once in 10^8 from the host's.

// Names the normals that one line adds to an image.
struct CardNoiseKey {
  uint64_t seed;
  uint32_t stage;
  uint32_t purpose;
  uint32_t step;
};

// One product of Philox' round.
C10_HOST_DEVICE inline void MultiplyWide(uint32_t a, uint32_t b, uint32_t* high,
                                         uint32_t* low) {
  const uint64_t product = static_cast<uint64_t>(a) * b;
  *high = static_cast<uint32_t>(product >> 32);
  *low = static_cast<uint32_t>(product);
}

// Philox4x32-10; `counter` becomes its image.
C10_HOST_DEVICE inline void CardPhilox(uint32_t (&counter)[4], uint64_t seed) {
  constexpr int kRounds = 10;
  uint32_t key0 = static_cast<uint32_t>(seed);
  uint32_t key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < kRounds; ++round) {
    uint32_t high0, low0, high1, low1;
    MultiplyWide(0xD2511F53u, counter[0], &high0, &low0);
    MultiplyWide(0xCD9E8D57u, counter[2], &high1, &low1);
    counter[0] = high1 ^ counter[1] ^ key0;
    counter[1] = low1;
    counter[2] = high0 ^ counter[3] ^ key1;
    counter[3] = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

// Box and Muller 1958.
C10_HOST_DEVICE inline void CardNormalPair(uint32_t radius_bits,
                                           uint32_t angle_bits, float* out) {
  constexpr double kPi = 3.141592653589793238462643383279502884;
  constexpr double kUnit = 1.0 / 4294967296.0;
  const double radius = sqrt(-2 * log((radius_bits + 0.5) * kUnit));
  const double angle = 2 * kPi * ((angle_bits + 0.5) * kUnit);
  out[0] = static_cast<float>(radius * cos(angle));
  out[1] = static_cast<float>(radius * sin(angle));
}

// The normals of elements 4 * block to 4 * block + 3.
C10_HOST_DEVICE inline void CardNormals(const CardNoiseKey& key, uint32_t block,
                                        float (&normals)[4]) {
  uint32_t bits[4] = {block, key.step, key.stage, key.purpose};
  CardPhilox(bits, key.seed);
  CardNormalPair(bits[0], bits[1], &normals[0]);
  CardNormalPair(bits[2], bits[3], &normals[2]);
}

}  // namespace cascade
