#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "client/bench_report.h"

namespace cascade {

// What happened in one second of a load, counted when it ended; what was not
// sent, when it was due.
struct BenchSecond {
  int sent = 0;  // Was due in it.
  int ok = 0;
  int images = 0;
  int refused = 0;
  int deadline_missed = 0;
  int cancelled = 0;
  int failed = 0;
  int not_sent = 0;
};

// From the start to the last reply, without gaps.
std::vector<BenchSecond> BenchSeries(const BenchRun& run);

nlohmann::ordered_json ToJson(const std::vector<BenchSecond>& series);

}  // namespace cascade
