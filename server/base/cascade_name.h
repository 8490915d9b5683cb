#pragma once

#include <string>

namespace cascade {

// What is wrong with the name of a cascade; empty: nothing. Names are part of
// metrics, health names and placement patterns.
std::string CheckCascadeName(const std::string& name);

}  // namespace cascade
