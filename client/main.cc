#include <CLI/CLI.hpp>
#include <string>

#include "client/admin_command.h"
#include "client/bench_command.h"
#include "client/exit_code.h"
#include "client/generate_command.h"
#include "client/health_command.h"
#include "client/list_command.h"
#include "client/upscale_command.h"
#include "client/version.h"

int main(int argc, char** argv) {
  CLI::App app("Draws images with a cascade server.", "cascade");
  app.set_version_flag("--version",
                       std::string("cascade ") + cascade::kClientVersion);
  app.require_subcommand(1);
  app.footer(cascade::kExitCodesHelp);
  const cascade::ListCommand list(app);
  const cascade::GenerateCommand generate(app);
  const cascade::UpscaleCommand upscale(app);
  const cascade::HealthCommand health(app);
  const cascade::BenchCommand bench(app);
  const cascade::AdminCommand admin(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cascade::kExitOk : cascade::kExitUsage;
  }
  if (list.chosen()) return list.Run();
  if (generate.chosen()) return generate.Run();
  if (upscale.chosen()) return upscale.Run();
  if (health.chosen()) return health.Run();
  if (admin.chosen()) return admin.Run();
  return bench.Run();
}
