// The loops of a 1x1 convolution, for one instruction set; see vector_lanes.h.

#include <cstdint>

#include "models/plan/pointwise_problem.h"
#include "models/plan/vector_lanes.h"

namespace cascade {
namespace {

template <int kLanes, int kMostRows, typename T>
CASCADE_INLINED void RunBlocks(const PointwiseProblem<T>& p, int64_t begin,
                               int64_t end, float* workspace) {
  constexpr int64_t kBlock = PointwiseProblem<T>::kBlock;
  // Rows that lie a power of two apart would push each other out of the cache.
  const int64_t in_row = p.in_channels + 16;
  const int64_t out_row = p.out_channels + 16;
  float* pixels = workspace;
  float* products = pixels + kBlock * in_row;
  for (int64_t block = begin; block < end; ++block) {
    const int64_t first = block * kBlock;
    const int64_t left = p.rows - first;
    const int64_t rows = left < kBlock ? left : kBlock;
    for (int64_t r = 0; r < rows; ++r) {
      const T* from = p.x + (first + r) * p.in_channels;
      for (int64_t c = 0; c < p.in_channels; c += kLanes) {
        Store<kLanes>(Load<kLanes>(from + c), pixels + r * in_row + c);
      }
    }
    // Rows beyond the last hold what they held before, and lead nowhere.
    MultiplyByPanels<kLanes, kMostRows>(pixels, in_row, p.weights,
                                        p.in_channels, p.out_channels,
                                        (rows + 3) / 4 * 4, products, out_row);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t at = (first + r) * p.out_channels;
      for (int64_t c = 0; c < p.out_channels; c += kLanes) {
        auto value =
            Load<kLanes>(products + r * out_row + c) + Load<kLanes>(p.bias + c);
        if (p.residual != nullptr) value += Load<kLanes>(p.residual + at + c);
        Store<kLanes>(value, p.out + at + c);
      }
    }
  }
}

}  // namespace
}  // namespace cascade
