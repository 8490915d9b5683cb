#pragma once

#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "client/exit_code.h"

namespace cascade {

// Says what is wrong on standard error.
inline ExitCode Complain(const absl::Status& status, ExitCode exit_code) {
  std::fprintf(stderr, "cascade: %s\n", std::string(status.message()).c_str());
  return exit_code;
}

}  // namespace cascade
