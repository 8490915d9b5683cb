#include "models/plan/instruction_set.h"

namespace cascade {

std::optional<InstructionSet> BestInstructionSet() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return InstructionSet::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return InstructionSet::kAvx2;
  }
  return std::nullopt;
}

bool HasBfloat16Units() { return __builtin_cpu_supports("amx-bf16") != 0; }

}  // namespace cascade
