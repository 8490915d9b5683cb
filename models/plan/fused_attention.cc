#include "models/plan/fused_attention.h"

#include "models/plan/thread_workspace.h"

namespace cascade {

template <typename T>
void FusedAttention(const AttentionProblem<T>& problem,
                    InstructionSet instructions, int64_t begin, int64_t end) {
  float* workspace =
      ThreadWorkspace(AttentionWorkspace(problem.pixels, problem.width).floats);
  if (instructions == InstructionSet::kAvx512) {
    AttentionAvx512(problem, begin, end, workspace);
  } else {
    AttentionAvx2(problem, begin, end, workspace);
  }
}

template void FusedAttention(const AttentionProblem<float>&, InstructionSet,
                             int64_t, int64_t);
template void FusedAttention(const AttentionProblem<Bf16>&, InstructionSet,
                             int64_t, int64_t);

}  // namespace cascade
