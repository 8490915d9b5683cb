#include <CLI/CLI.hpp>

#include "models/tool/train_command.h"

// The model author's tool.
int main(int argc, char** argv) {
  CLI::App app("Trains, packs, inspects and samples cascaded diffusion models.",
               "cascade-model");
  app.set_version_flag("--version", "cascade-model " CASCADE_VERSION);
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default(false);
  cascade::AddTrainCommand(app);
  CLI11_PARSE(app, argc, argv);
  return 0;
}
