#pragma once

#include <cstdint>

namespace cascade {

// At least so many floats for the calling thread, from a cache line's begin, to
// use until it asks again. They are kept, and hold what they held.
float* ThreadWorkspace(int64_t floats);

}  // namespace cascade
