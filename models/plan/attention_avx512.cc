#include "models/plan/attention_loops.h"

namespace cascade {

void AttentionAvx512(const AttentionProblem<float>& problem, int64_t begin,
                     int64_t end, float* workspace) {
  RunHeads<16, 12>(problem, begin, end, workspace);
}

void AttentionAvx512(const AttentionProblem<Bf16>& problem, int64_t begin,
                     int64_t end, float* workspace) {
  RunHeads<16, 12>(problem, begin, end, workspace);
}

}  // namespace cascade
