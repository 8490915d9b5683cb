#include "client/load_arrivals.h"

#include <cmath>

namespace cascade {

ArrivalTimes::ArrivalTimes(ArrivalKind kind, double rate, uint64_t seed)
    : kind_(kind), rate_(rate), random_(seed) {}

absl::Duration ArrivalTimes::Next() {
  if (kind_ == ArrivalKind::kConstant) {
    return absl::Seconds(static_cast<double>(count_++) / rate_);
  }
  const double uniform = std::generate_canonical<double, 53>(random_);
  seconds_ += -std::log1p(-uniform) / rate_;
  return absl::Seconds(seconds_);
}

}  // namespace cascade
