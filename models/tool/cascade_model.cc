#include <CLI/CLI.hpp>

#include "models/tool/commands.h"

// The model author's tool.
int main(int argc, char** argv) {
  CLI::App app("Trains, packs, inspects and samples cascaded diffusion models.",
               "cascade-model");
  app.set_version_flag("--version", "cascade-model " CASCADE_VERSION);
  app.require_subcommand(1);
  cascade::AddTrainCommand(app);
  cascade::AddPackageCommand(app);
  cascade::AddImportCommand(app);
  cascade::AddInspectCommand(app);
  cascade::AddSampleCommand(app);
  cascade::AddPrecisionCommand(app);
  cascade::AddTrainClassifierCommand(app);
  cascade::AddEvaluateCommand(app);
  cascade::AddSearchCommand(app);
  cascade::AddNeighboursCommand(app);
  CLI11_PARSE(app, argc, argv);
  return 0;
}
