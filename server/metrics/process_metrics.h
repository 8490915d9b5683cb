#pragma once

#include <vector>

#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"

namespace cascade {

// What the kernel says of this process when it is asked, by the names that
// Prometheus' own clients give. A value that cannot be read is left out.
// Thread-safe.
class ProcessMetrics : public prometheus::Collectable {
 public:
  ProcessMetrics();

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  // Since the epoch; 0: not known. Read once: the kernel counts from its boot,
  // whose time moves with the machine's clock.
  const double start_seconds_;
};

}  // namespace cascade
