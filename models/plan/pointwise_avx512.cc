#include "models/plan/pointwise_loops.h"

namespace cascade {

void PointwiseAvx512(const PointwiseProblem<float>& problem, int64_t begin,
                     int64_t end, float* workspace) {
  RunBlocks<16, 12>(problem, begin, end, workspace);
}

void PointwiseAvx512(const PointwiseProblem<Bf16>& problem, int64_t begin,
                     int64_t end, float* workspace) {
  RunBlocks<16, 12>(problem, begin, end, workspace);
}

}  // namespace cascade
