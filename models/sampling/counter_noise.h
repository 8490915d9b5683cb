#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "models/sampling/noise_source.h"

namespace cascade {

// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): a bijection of the counter
// for each key, whose outputs pass as independent uniform 32-bit integers.
std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter,
                                   std::array<uint32_t, 2> key);

// Fills `values` with standard normals; values[i] is a function of (key, i)
// alone. At most 2^34 values.
void FillNormal(const NoiseKey& key, std::span<float> values);

// Fills `values` with uniforms in [0, 1) of 32 bits; values[i] is a function of
// (key, i) alone.
void FillUniform(const NoiseKey& key, std::span<double> values);

// The noise of serving: FillNormal().
class CounterNoise final : public NoiseSource {
 public:
  void Fill(const NoiseKey& key, std::span<float> values) const override;
};

}  // namespace cascade
