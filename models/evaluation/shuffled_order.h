#pragma once

#include <cstdint>
#include <vector>

#include "models/sampling/noise_source.h"

namespace cascade {

// The numbers 0 .. count - 1 in an order that is a function of `seed`, `round`
// and what it is for alone.
std::vector<int64_t> ShuffledOrder(
    int64_t count, uint64_t seed, uint32_t round = 0,
    NoisePurpose purpose = NoisePurpose::kEvaluationOrder);

}  // namespace cascade
