#pragma once

#include <cstdint>

#include "models/plan/attention_problem.h"
#include "models/plan/instruction_set.h"

namespace cascade {

// softmax(q k^T / sqrt(width)) v of the heads from `begin` to before `end` of
// images * heads, counted image by image; the processor has `instructions`.
// Sums are in float. A head's bits depend on nothing but its image.
// Any thread may compute any heads. T: float or Bf16.
template <typename T>
void FusedAttention(const AttentionProblem<T>& problem,
                    InstructionSet instructions, int64_t begin, int64_t end);

}  // namespace cascade
