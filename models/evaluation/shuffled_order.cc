#include "models/evaluation/shuffled_order.h"

#include <numeric>
#include <utility>

#include "models/sampling/counter_noise.h"

namespace cascade {

std::vector<int64_t> ShuffledOrder(int64_t count, uint64_t seed, uint32_t round,
                                   NoisePurpose purpose) {
  std::vector<double> draws(static_cast<size_t>(count));
  FillUniform({.seed = seed, .purpose = purpose, .step = round}, draws);
  std::vector<int64_t> order(draws.size());
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i-- > 1;) {
    const auto other =
        static_cast<size_t>(draws[i] * static_cast<double>(i + 1));
    std::swap(order[i], order[other]);
  }
  return order;
}

}  // namespace cascade
