#include "server/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

// HOST:PORT, as gRPC and the HTTP port take it.
std::string CheckAddress(const std::string& value) {
  const size_t colon = value.rfind(':');
  const std::string port =
      colon == std::string::npos ? "" : value.substr(colon + 1);
  const bool is_number =
      !port.empty() && port.size() <= 5 &&
      std::all_of(port.begin(), port.end(),
                  [](unsigned char c) { return std::isdigit(c) != 0; });
  if (colon != 0 && is_number && std::stoi(port) <= 65535) return "";
  return absl::StrCat("'", value, "' is not HOST:PORT with a port in 0..65535");
}

std::string CheckDuration(const std::string& value) {
  absl::Duration duration;
  if (absl::ParseDuration(value, &duration) &&
      duration > absl::ZeroDuration()) {
    return "";
  }
  return absl::StrCat("'", value,
                      "' is not a positive duration such as 30s or 1m30s");
}

std::string CheckCascade(const std::string& value) {
  const size_t equals = value.find('=');
  if (equals != std::string::npos && equals > 0 && equals + 1 < value.size()) {
    return "";
  }
  return absl::StrCat("'", value, "' is not NAME=PACKAGE");
}

void AddDuration(CLI::App& app, const std::string& name, absl::Duration& value,
                 const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [&value](const std::string& text) {
           absl::ParseDuration(text, &value);
         },
         help)
      ->check(CheckDuration, "")
      ->type_name("DURATION")
      ->default_str(absl::FormatDuration(value));
}

void AddAddress(CLI::App& app, const std::string& name, std::string& value,
                const std::string& help) {
  app.add_option(name, value, help)
      ->check(
          [](const std::string& text) {
            return text.empty() ? "" : CheckAddress(text);
          },
          "")
      ->type_name("HOST:PORT")
      ->capture_default_str();
}

void AddNumber(CLI::App& app, const std::string& name, int& value, int min,
               int max, const std::string& help) {
  app.add_option(name, value, help)
      ->check(CLI::Range(min, max))
      ->type_name("N")
      ->capture_default_str();
}

template <typename Enum>
void AddChoice(CLI::App& app, const std::string& name, Enum& value,
               const std::map<std::string, Enum>& names,
               const std::string& default_name, const std::string& help) {
  std::string type;
  for (const auto& [text, unused] : names) {
    absl::StrAppend(&type, type.empty() ? "" : "|", text);
  }
  app.add_option_function<std::string>(
         name,
         [&value, names](const std::string& text) { value = names.at(text); },
         help)
      ->check(
          [names, type](const std::string& text) {
            return names.contains(text)
                       ? std::string()
                       : absl::StrCat("'", text, "' is not one of ", type);
          },
          "")
      ->type_name(type)
      ->default_str(default_name);
}

void AddFlags(CLI::App& app, Options& options,
              std::vector<std::string>& cascades) {
  AddAddress(app, "--listen", options.listen, "Where to serve gRPC");
  AddAddress(app, "--http_listen", options.http_listen,
             "Where to serve /healthz, /readyz and /metrics; empty: nowhere");
  app.add_option("--cascade", cascades,
                 "A cascade to serve, and the folder of its package; "
                 "repeatable")
      ->check(CheckCascade, "")
      ->type_name("NAME=PACKAGE")
      ->allow_extra_args(false)
      ->required();
  AddNumber(app, "--lanes", options.lanes, 0, 1024,
            "Worker threads; 0: as many as cores");
  AddNumber(app, "--max_batch_rows", options.max_batch_rows, 1, 1024,
            "Network rows of a step at most");
  AddNumber(app, "--slots", options.slots, 1, 4096,
            "Images in each stage of each lane at most");
  AddNumber(app, "--max_queued_images", options.max_queued_images, 1, 1000000,
            "Images that may wait to begin");
  AddNumber(app, "--max_images_per_request", options.max_images_per_request, 1,
            1000000, "Images of one request");
  AddNumber(app, "--encode_threads", options.encode_threads, 1, 256,
            "Threads that encode pictures");
  AddDuration(app, "--drain_timeout", options.drain_timeout,
              "How long SIGTERM waits for what was admitted");
  AddDuration(app, "--reader_stall_timeout", options.reader_stall_timeout,
              "A client that takes longer for one message is cut off");
  AddChoice<Reproducibility>(
      app, "--reproducibility", options.reproducibility,
      {{"exact", Reproducibility::kExact}, {"fast", Reproducibility::kFast}},
      "exact", "Same bytes in any batch, or every batch size");
  AddChoice<LogLevel>(app, "--log_level", options.log_level,
                      {{"debug", LogLevel::kDebug},
                       {"info", LogLevel::kInfo},
                       {"warning", LogLevel::kWarning},
                       {"error", LogLevel::kError}},
                      "info", "What goes to stderr");
}

// What no flag alone shows; empty: nothing.
std::string Check(const Options& options) {
  std::set<std::string> names;
  for (const CascadeSource& cascade : options.cascades) {
    if (!names.insert(cascade.name).second) {
      return absl::StrCat("--cascade: two are named '", cascade.name, "'");
    }
  }
  if (options.max_images_per_request > options.max_queued_images) {
    return absl::StrCat(
        "--max_images_per_request: ", options.max_images_per_request,
        " is more than --max_queued_images, ", options.max_queued_images);
  }
  return options.listen.empty() ? "--listen: may not be empty" : "";
}

}  // namespace

std::variant<Options, EarlyExit> ParseOptions(int argc,
                                              const char* const* argv) {
  Options options;
  std::vector<std::string> cascades;
  CLI::App app("Serves cascaded diffusion models over gRPC.", "cascade-server");
  app.set_version_flag("--version", "cascade-server " CASCADE_VERSION);
  AddFlags(app, options, cascades);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 tells --help and --version by exceptions, too.
    std::ostringstream out;
    const bool is_answer = app.exit(error, out, out) == 0;
    return EarlyExit{.code = is_answer ? 0 : 2, .text = out.str()};
  }
  for (const std::string& cascade : cascades) {
    const size_t equals = cascade.find('=');
    options.cascades.push_back(
        {cascade.substr(0, equals), cascade.substr(equals + 1)});
  }
  if (app.count("--max_images_per_request") == 0) {
    options.max_images_per_request =
        std::min(options.max_images_per_request, options.max_queued_images);
  }
  if (std::string problem = Check(options); !problem.empty()) {
    return EarlyExit{.code = 2, .text = problem + "\n"};
  }
  return options;
}

}  // namespace cascade
