#pragma once

#include "absl/time/time.h"

namespace cascade {

// Where time comes from. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

// The machine's clock. Lives as long as the process.
const Clock& RealClock();

}  // namespace cascade
