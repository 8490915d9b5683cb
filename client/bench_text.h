#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cascade {

// BenchReport() for people, as a table.
std::string BenchText(const nlohmann::ordered_json& report);

}  // namespace cascade
