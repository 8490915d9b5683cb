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

}  // namespace cascade
