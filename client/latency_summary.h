#pragma once

#include <vector>

namespace cascade {

// Of some latencies, in seconds; zeros when there are none.
struct LatencySummary {
  double mean = 0;
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double max = 0;
};

// By the nearest rank.
LatencySummary Summarize(std::vector<double> seconds);

}  // namespace cascade
