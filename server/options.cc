#include "server/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/cascade_name.h"
#include "server/config_file.h"
#include "server/config_setting.h"

namespace cascade {
namespace {

constexpr char kFooter[] =
    "Every flag but --cascade may also be given as an environment variable "
    "(CASCADE_SLOTS for --slots), and every one but --config as a key of the "
    "configuration file; flags win, then the environment. server/README.md "
    "shows a file.";

// What the command line says, before anything is made of it.
struct CommandLine {
  std::string config;
  std::vector<std::string> cascades;
  std::map<std::string, std::string> settings;  // By name.
};

std::string CheckCascade(const std::string& value) {
  const size_t equals = value.find('=');
  if (equals == std::string::npos || equals + 1 == value.size()) {
    return absl::StrCat("'", value, "' is not NAME=PACKAGE");
  }
  const std::string problem = CheckCascadeName(value.substr(0, equals));
  return problem.empty() ? "" : absl::StrCat("'", value, "': ", problem);
}

void AddFlags(CLI::App& app, CommandLine& line) {
  app.add_option("--config", line.config, "A JSON file with settings")
      ->envname("CASCADE_CONFIG")
      ->type_name("FILE");
  app.add_option("--cascade", line.cascades,
                 "A cascade to serve, and the folder of its package; "
                 "repeatable. In place of the cascades in the file")
      ->check(CheckCascade, "")
      ->type_name("NAME=PACKAGE")
      ->allow_extra_args(false);
  for (const ConfigSetting& setting : ConfigSettings()) {
    const auto check = [&setting](const std::string& text) {
      Options scratch;
      return setting.set(text, scratch);
    };
    app.add_option_function<std::string>(
           "--" + setting.name,
           [&line, &setting](const std::string& text) {
             line.settings[setting.name] = text;
           },
           setting.help)
        ->check(check, "")
        ->type_name(setting.type)
        ->default_str(setting.default_text);
  }
  app.footer(kFooter);
}

// Empty, or what is wrong with a variable.
std::string ReadEnvironment(Options& options) {
  for (const ConfigSetting& setting : ConfigSettings()) {
    const std::string name =
        absl::StrCat("CASCADE_", absl::AsciiStrToUpper(setting.name));
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) continue;
    const std::string problem = setting.set(value, options);
    if (!problem.empty()) return absl::StrCat(name, ": ", problem);
  }
  return "";
}

// From the weakest source to the strongest. Empty, or what is wrong.
std::string Read(const CommandLine& line, Options& options) {
  if (!line.config.empty()) {
    const absl::Status status = ReadConfigFile(line.config, options);
    if (!status.ok()) return absl::StrCat("--config: ", status.message());
  }
  if (std::string problem = ReadEnvironment(options); !problem.empty()) {
    return problem;
  }
  for (const ConfigSetting& setting : ConfigSettings()) {
    const auto given = line.settings.find(setting.name);
    if (given != line.settings.end()) setting.set(given->second, options);
  }
  if (!line.cascades.empty()) options.cascades.clear();
  for (const std::string& cascade : line.cascades) {
    const size_t equals = cascade.find('=');
    options.cascades.push_back({.name = cascade.substr(0, equals),
                                .package = cascade.substr(equals + 1)});
  }
  return "";
}

// What no setting alone shows; empty: nothing.
std::string Complete(Options& options) {
  std::set<std::string> names;
  for (const CascadeSource& cascade : options.cascades) {
    if (!names.insert(cascade.name).second) {
      return absl::StrCat("--cascade: two are named '", cascade.name, "'");
    }
  }
  if (names.empty() && options.admin_listen.empty()) {
    return "--cascade: there is none to serve, here or in --config, and no "
           "--admin_listen to load one by";
  }
  if (options.max_images_per_request == 0) {
    options.max_images_per_request = std::min(64, options.max_queued_images);
  }
  if (options.max_images_per_request > options.max_queued_images) {
    return absl::StrCat(
        "--max_images_per_request: ", options.max_images_per_request,
        " is more than --max_queued_images, ", options.max_queued_images);
  }
  return "";
}

}  // namespace

std::variant<Options, EarlyExit> ParseOptions(int argc,
                                              const char* const* argv) {
  CommandLine line;
  CLI::App app("Serves cascaded diffusion models over gRPC.", "cascade-server");
  app.set_version_flag("--version", "cascade-server " CASCADE_VERSION);
  AddFlags(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 tells --help and --version by exceptions, too.
    std::ostringstream out;
    const bool is_answer = app.exit(error, out, out) == 0;
    return EarlyExit{.code = is_answer ? 0 : 2, .text = out.str()};
  }
  Options options;
  std::string problem = Read(line, options);
  if (problem.empty()) problem = Complete(options);
  if (!problem.empty()) return EarlyExit{.code = 2, .text = problem + "\n"};
  return options;
}

}  // namespace cascade
