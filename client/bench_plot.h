#pragma once

#include <vector>

#include "client/bench_report.h"
#include "models/plot/plot_chart.h"

namespace cascade {

// The share of requests that were done within a time, for each entry of the mix
// (those that succeeded and were read at once); and images, refusals and
// failures in each second.
std::vector<PlotChart> BenchCharts(const BenchRun& run);

}  // namespace cascade
