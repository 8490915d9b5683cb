#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/load_reply.h"

namespace cascade {

// A load that has ended.
struct BenchRun {
  int clients = 0;  // Of a closed loop; 0: an open loop.
  double rate = 0;  // Of an open loop, requests per second.
  std::string arrivals;
  std::vector<std::string> entries;  // Names, as in the plan.
  std::vector<std::string> stages;   // Names, such as "32x32".
  std::optional<absl::Duration> goal;
  absl::Time start;
  absl::Duration duration;  // Until the last reply.
  std::vector<LoadReply> replies;
};

// What a load measured: throughput, latencies of the requests that succeeded,
// refusals by reason with their latency, the same for each entry of a mix and
// for slow readers, and what each second saw. Latencies leave slow readers out,
// but for their own. README.md explains the fields.
nlohmann::ordered_json BenchReport(const BenchRun& run);

}  // namespace cascade
