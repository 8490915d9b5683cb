#pragma once

#include <c10/macros/Macros.h>

#include <cstdint>
#include <cstring>

namespace cascade {

// Finds the value at a rank among magnitudes, which order as their bits do: by
// their digits of 8 bits from the highest on, with a histogram of each. Counts
// of integers do not depend on who counts first.

constexpr int kRankRounds = 4;
constexpr int kRankDigits = 256;

// The digits that are known, and the rank among the values that have them.
struct RankSearch {
  uint32_t prefix;
  uint32_t rank;
  uint32_t equal;  // Values that have the prefix.
};

C10_HOST_DEVICE inline uint32_t MagnitudeBits(double value) {
  const float magnitude = static_cast<float>(value < 0 ? -value : value);
  uint32_t bits;
  memcpy(&bits, &magnitude, sizeof(bits));
  return bits;
}

C10_HOST_DEVICE inline double MagnitudeOf(uint32_t bits) {
  float magnitude;
  memcpy(&magnitude, &bits, sizeof(magnitude));
  return static_cast<double>(magnitude);
}

C10_HOST_DEVICE inline bool HasPrefix(uint32_t bits, const RankSearch& search,
                                      int round) {
  return round == 0 || bits >> (32 - 8 * round) == search.prefix;
}

C10_HOST_DEVICE inline uint32_t RankDigit(uint32_t bits, int round) {
  return bits >> (24 - 8 * round) & 255;
}

// One more digit, by the histogram of the values that had the prefix.
C10_HOST_DEVICE inline RankSearch NextDigit(const RankSearch& search,
                                            const uint32_t* histogram) {
  uint32_t rank = search.rank;
  uint32_t digit = 0;
  while (digit + 1 < kRankDigits && rank >= histogram[digit]) {
    rank -= histogram[digit++];
  }
  return RankSearch{search.prefix << 8 | digit, rank, histogram[digit]};
}

}  // namespace cascade
