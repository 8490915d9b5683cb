#include "models/sampling/counter_noise.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cascade {
namespace {

constexpr size_t kBlock = 4;

std::array<uint32_t, 4> RandomBlock(const NoiseKey& key, size_t block) {
  return Philox4x32(
      {static_cast<uint32_t>(block), key.step, key.stage,
       static_cast<uint32_t>(key.purpose)},
      {static_cast<uint32_t>(key.seed), static_cast<uint32_t>(key.seed >> 32)});
}

// The middle of the integer's cell of (0, 1): never 0, so that its log exists.
double OpenUniform(uint32_t bits) { return (bits + 0.5) * 0x1p-32; }

// Box and Muller 1958. In double, so that the float results do not depend on
// the last bit of a maths library.
void NormalPair(uint32_t radius_bits, uint32_t angle_bits, float* out) {
  const double radius = std::sqrt(-2 * std::log(OpenUniform(radius_bits)));
  const double angle = 2 * std::numbers::pi * OpenUniform(angle_bits);
  out[0] = static_cast<float>(radius * std::cos(angle));
  out[1] = static_cast<float>(radius * std::sin(angle));
}

}  // namespace

std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter,
                                   std::array<uint32_t, 2> key) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53;
  constexpr uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9;  // The golden ratio.
  constexpr uint32_t kWeyl1 = 0xBB67AE85;  // sqrt(3) - 1.
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0];
    const uint64_t product1 = kMultiplier1 * counter[2];
    counter = {
        static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
        static_cast<uint32_t>(product1),
        static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
        static_cast<uint32_t>(product0),
    };
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

void FillNormal(const NoiseKey& key, std::span<float> values) {
  for (size_t begin = 0; begin < values.size(); begin += kBlock) {
    const std::array<uint32_t, 4> bits = RandomBlock(key, begin / kBlock);
    std::array<float, kBlock> normals;
    NormalPair(bits[0], bits[1], &normals[0]);
    NormalPair(bits[2], bits[3], &normals[2]);
    const size_t count = std::min(kBlock, values.size() - begin);
    std::copy_n(normals.begin(), count,
                values.begin() + static_cast<ptrdiff_t>(begin));
  }
}

void FillUniform(const NoiseKey& key, std::span<double> values) {
  for (size_t begin = 0; begin < values.size(); begin += kBlock) {
    const std::array<uint32_t, 4> bits = RandomBlock(key, begin / kBlock);
    const size_t count = std::min(kBlock, values.size() - begin);
    for (size_t i = 0; i < count; ++i) values[begin + i] = bits[i] * 0x1p-32;
  }
}

void CounterNoise::Fill(const NoiseKey& key, std::span<float> values) const {
  FillNormal(key, values);
}

}  // namespace cascade
