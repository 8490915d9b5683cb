#pragma once

#include <cstdint>

namespace cascade {

// A bfloat16 as its bits.
struct Bf16 {
  uint16_t bits;
};

}  // namespace cascade
