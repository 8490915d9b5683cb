#pragma once

#include <CLI/CLI.hpp>

namespace cascade {

// Each adds one subcommand of cascade-model to `app`. Its callback throws
// CLI::RuntimeError with the exit code when the command fails.
void AddTrainCommand(CLI::App& app);
void AddPackageCommand(CLI::App& app);
void AddImportCommand(CLI::App& app);
void AddInspectCommand(CLI::App& app);
void AddSampleCommand(CLI::App& app);
void AddPrecisionCommand(CLI::App& app);
void AddTrainClassifierCommand(CLI::App& app);
void AddEvaluateCommand(CLI::App& app);
void AddSearchCommand(CLI::App& app);
void AddNeighboursCommand(CLI::App& app);

}  // namespace cascade
