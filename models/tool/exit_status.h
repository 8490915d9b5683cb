#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>

#include "absl/status/status.h"

namespace cascade {

// Ends the command with exit code 1 and the message on stderr, if `status` is
// an error.
inline void ExitUnlessOk(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "cascade-model: %s\n",
               std::string(status.message()).c_str());
  throw CLI::RuntimeError(1);
}

}  // namespace cascade
