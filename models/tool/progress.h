#pragma once

#include <cstdio>
#include <string>

namespace cascade {

// A line on stderr, where it does not disturb what is printed.
inline void PrintProgress(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace cascade
