#include "models/plan/winograd_loops.h"

namespace cascade {

void WinogradAvx2(const WinogradProblem<float>& problem, int64_t begin,
                  int64_t end, float* workspace) {
  RunBlocks<8, 4>(problem, begin, end, workspace);
}

void WinogradAvx2(const WinogradProblem<Bf16>& problem, int64_t begin,
                  int64_t end, float* workspace) {
  RunBlocks<8, 4>(problem, begin, end, workspace);
}

}  // namespace cascade
