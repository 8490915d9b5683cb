#pragma once

#include <cstdint>
#include <vector>

namespace cascade {

// The numbers 0 .. count - 1 in an order that is a function of `seed` and
// `round` alone.
std::vector<int64_t> ShuffledOrder(int64_t count, uint64_t seed,
                                   uint32_t round = 0);

}  // namespace cascade
