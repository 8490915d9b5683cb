#pragma once

#include <cstdint>
#include <random>

#include "absl/time/time.h"

namespace cascade {

enum class ArrivalKind {
  kPoisson,   // Independent users: exponential gaps.
  kConstant,  // Equal gaps.
};

// When the requests of an open loop are due. Owned by one thread.
class ArrivalTimes {
 public:
  // `rate` requests per second, positive. The same `seed` gives the same times.
  ArrivalTimes(ArrivalKind kind, double rate, uint64_t seed);

  // When the next request is due, since the load's start. Poisson arrivals
  // begin after a first gap, constant ones at once.
  absl::Duration Next();

 private:
  const ArrivalKind kind_;
  const double rate_;
  std::mt19937_64 random_;
  int64_t count_ = 0;
  double seconds_ = 0;
};

}  // namespace cascade
