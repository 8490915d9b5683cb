#include "client/latency_summary.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cascade {
namespace {

double NearestRank(const std::vector<double>& sorted, double fraction) {
  const double rank = std::ceil(fraction * static_cast<double>(sorted.size()));
  return sorted[static_cast<size_t>(std::max(1.0, rank)) - 1];
}

}  // namespace

LatencySummary Summarize(std::vector<double> seconds) {
  if (seconds.empty()) return {};
  std::sort(seconds.begin(), seconds.end());
  LatencySummary summary;
  summary.mean = std::accumulate(seconds.begin(), seconds.end(), 0.0) /
                 static_cast<double>(seconds.size());
  summary.p50 = NearestRank(seconds, 0.50);
  summary.p90 = NearestRank(seconds, 0.90);
  summary.p99 = NearestRank(seconds, 0.99);
  summary.max = seconds.back();
  return summary;
}

}  // namespace cascade
