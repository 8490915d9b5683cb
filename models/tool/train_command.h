#pragma once

#include <CLI/CLI.hpp>

namespace cascade {

// Each adds one subcommand to `app`. The subcommand's callback throws
// CLI::RuntimeError with the exit code when it fails.
void AddTrainCommand(CLI::App& app);

}  // namespace cascade
