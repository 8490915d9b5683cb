#pragma once

#include <optional>

namespace cascade {

// What the plan's own loops are compiled for.
enum class InstructionSet {
  kAvx2,    // And FMA.
  kAvx512,  // F, BW, DQ and VL.
};

// The best that this processor has; none: it has neither.
std::optional<InstructionSet> BestInstructionSet();

// Whether this processor multiplies matrices of bfloat16 in units for it (AMX).
// oneDNN's convolutions use them, and are faster there than our loops in
// floats.
bool HasBfloat16Units();

}  // namespace cascade
