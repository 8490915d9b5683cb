#include "client/bench_series.h"

#include <algorithm>

namespace cascade {
namespace {

void Count(const LoadReply& reply, BenchSecond& second) {
  second.images += reply.images;
  switch (reply.outcome) {
    case LoadOutcome::kOk:
      ++second.ok;
      break;
    case LoadOutcome::kRefused:
      ++second.refused;
      break;
    case LoadOutcome::kDeadlineMissed:
      ++second.deadline_missed;
      break;
    case LoadOutcome::kCancelled:
      ++second.cancelled;
      break;
    case LoadOutcome::kFailed:
      ++second.failed;
      break;
    case LoadOutcome::kNotSent:
      ++second.not_sent;
      break;
  }
}

// The second of a load that `time` is in.
size_t SecondOf(const BenchRun& run, absl::Time time) {
  const int64_t second = (time - run.start) / absl::Seconds(1);
  return static_cast<size_t>(std::max<int64_t>(0, second));
}

}  // namespace

std::vector<BenchSecond> BenchSeries(const BenchRun& run) {
  std::vector<BenchSecond> series;
  const auto at = [&series](size_t second) -> BenchSecond& {
    if (second >= series.size()) series.resize(second + 1);
    return series[second];
  };
  for (const LoadReply& reply : run.replies) {
    Count(reply, at(SecondOf(run, reply.due + absl::Seconds(reply.latency))));
    if (reply.outcome != LoadOutcome::kNotSent) {
      ++at(SecondOf(run, reply.due)).sent;
    }
  }
  return series;
}

nlohmann::ordered_json ToJson(const std::vector<BenchSecond>& series) {
  auto json = nlohmann::ordered_json::array();
  for (size_t i = 0; i < series.size(); ++i) {
    const BenchSecond& second = series[i];
    json.push_back({{"second", i},
                    {"sent", second.sent},
                    {"ok", second.ok},
                    {"images", second.images},
                    {"refused", second.refused},
                    {"deadline_missed", second.deadline_missed},
                    {"cancelled", second.cancelled},
                    {"failed", second.failed},
                    {"not_sent", second.not_sent}});
  }
  return json;
}

}  // namespace cascade
