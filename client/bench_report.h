#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "client/closed_loop.h"

namespace cascade {

// What `clients` measured in `seconds`: images_per_second, latencies of the
// requests that succeeded, errors by reason, and what was wrong with replies.
nlohmann::ordered_json BenchReport(const std::vector<BenchReply>& replies,
                                   int clients, double seconds);

// The same for people.
std::string BenchText(const nlohmann::ordered_json& report);

}  // namespace cascade
