#include "models/plan/attention_loops.h"

namespace cascade {

void AttentionAvx2(const AttentionProblem<float>& problem, int64_t begin,
                   int64_t end, float* workspace) {
  RunHeads<8, 4>(problem, begin, end, workspace);
}

void AttentionAvx2(const AttentionProblem<Bf16>& problem, int64_t begin,
                   int64_t end, float* workspace) {
  RunHeads<8, 4>(problem, begin, end, workspace);
}

}  // namespace cascade
