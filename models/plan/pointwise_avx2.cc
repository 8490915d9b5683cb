#include "models/plan/pointwise_loops.h"

namespace cascade {

void PointwiseAvx2(const PointwiseProblem<float>& problem, int64_t begin,
                   int64_t end, float* workspace) {
  RunBlocks<8, 4>(problem, begin, end, workspace);
}

void PointwiseAvx2(const PointwiseProblem<Bf16>& problem, int64_t begin,
                   int64_t end, float* workspace) {
  RunBlocks<8, 4>(problem, begin, end, workspace);
}

}  // namespace cascade
