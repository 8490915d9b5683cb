#include "client/bench_plot.h"

#include <algorithm>
#include <utility>

#include "client/bench_series.h"

namespace cascade {
namespace {

// More could not be told apart.
constexpr size_t kMaxSteps = 500;

// Steps from one latency to the next.
PlotChart::Line DistributionLine(const std::string& name,
                                 std::vector<double> seconds) {
  PlotChart::Line line{name, {{0, 0}}};
  std::sort(seconds.begin(), seconds.end());
  const size_t num_steps = std::min(seconds.size(), kMaxSteps);
  for (size_t i = 1; i <= num_steps; ++i) {
    const size_t rank = i * seconds.size() / num_steps;
    const double share =
        static_cast<double>(rank) / static_cast<double>(seconds.size());
    line.points.emplace_back(seconds[rank - 1], line.points.back().second);
    line.points.emplace_back(seconds[rank - 1], share);
  }
  return line;
}

PlotChart LatencyChart(const BenchRun& run) {
  PlotChart chart{"Latency", "seconds", "share of requests within", {}, 1};
  std::vector<std::vector<double>> seconds(run.entries.size());
  for (const LoadReply& reply : run.replies) {
    if (reply.outcome != LoadOutcome::kOk || reply.reads_slowly) continue;
    seconds[reply.entry].push_back(reply.latency);
  }
  for (size_t i = 0; i < seconds.size(); ++i) {
    if (seconds[i].empty()) continue;
    chart.lines.push_back(
        DistributionLine(run.entries[i], std::move(seconds[i])));
  }
  return chart;
}

// One point a second, in its middle; no line when there is nothing to see.
void AddLine(const std::string& name, int BenchSecond::*member,
             const std::vector<BenchSecond>& series, PlotChart& chart) {
  PlotChart::Line line{name, {}};
  int total = 0;
  for (size_t i = 0; i < series.size(); ++i) {
    total += series[i].*member;
    line.points.emplace_back(static_cast<double>(i) + 0.5, series[i].*member);
  }
  if (total > 0) chart.lines.push_back(std::move(line));
}

PlotChart ThroughputChart(const BenchRun& run) {
  PlotChart chart{"Over time", "seconds", "per second", {}, 0};
  std::vector<BenchSecond> series = BenchSeries(run);
  // The last one is shorter, and would seem to be slower.
  if (series.size() > 1) series.pop_back();
  AddLine("images", &BenchSecond::images, series, chart);
  AddLine("refused", &BenchSecond::refused, series, chart);
  AddLine("deadline missed", &BenchSecond::deadline_missed, series, chart);
  AddLine("cancelled", &BenchSecond::cancelled, series, chart);
  AddLine("failed", &BenchSecond::failed, series, chart);
  AddLine("not sent", &BenchSecond::not_sent, series, chart);
  return chart;
}

}  // namespace

std::vector<PlotChart> BenchCharts(const BenchRun& run) {
  return {LatencyChart(run), ThroughputChart(run)};
}

}  // namespace cascade
