#include "models/plan/winograd_loops.h"

namespace cascade {

void WinogradAvx512(const WinogradProblem<float>& problem, int64_t begin,
                    int64_t end, float* workspace) {
  RunBlocks<16, 12>(problem, begin, end, workspace);
}

void WinogradAvx512(const WinogradProblem<Bf16>& problem, int64_t begin,
                    int64_t end, float* workspace) {
  RunBlocks<16, 12>(problem, begin, end, workspace);
}

}  // namespace cascade
