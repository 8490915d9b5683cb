#pragma once

#include <gtest/gtest.h>

#include <string>

#include "models/plan/instruction_set.h"

namespace cascade {

// Tests of loops that are compiled for each instruction set; skipped for one
// that the processor has not got.
class EachInstructionSet : public testing::TestWithParam<InstructionSet> {
 protected:
  void SetUp() override {
    const auto best = BestInstructionSet();
    if (!best || *best < GetParam()) {
      GTEST_SKIP() << "this processor does not have the instructions";
    }
  }
};

inline auto InstructionSets() {
  return testing::Values(InstructionSet::kAvx2, InstructionSet::kAvx512);
}

inline std::string InstructionSetName(
    const testing::TestParamInfo<InstructionSet>& instance) {
  return instance.param == InstructionSet::kAvx2 ? "Avx2" : "Avx512";
}

}  // namespace cascade
