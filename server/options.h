#pragma once

#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "models/cascade_model.h"
#include "server/base/logging.h"

namespace cascade {

// `--cascade NAME=PACKAGE`.
struct CascadeSource {
  std::string name;
  std::string package;  // A folder.
};

// What the command line says, checked.
struct Options {
  std::string listen = "127.0.0.1:50051";  // HOST:PORT; port 0: a free one.
  std::string http_listen;                 // Likewise; empty: no HTTP port.
  std::vector<CascadeSource> cascades;     // At least one; names differ.
  int lanes = 0;                           // 0: as many as cores.
  int max_batch_rows = 32;                 // 1..1024.
  int slots = 64;                          // Per stage and lane, 1..4096.
  int max_queued_images = 1024;            // 1..1000000.
  int max_images_per_request = 64;         // 1..max_queued_images.
  int encode_threads = 2;                  // 1..256.
  absl::Duration drain_timeout = absl::Seconds(30);
  absl::Duration reader_stall_timeout = absl::Seconds(30);
  Reproducibility reproducibility = Reproducibility::kExact;
  LogLevel log_level = LogLevel::kInfo;
};

// What there is to do instead of serving: print `text` and exit with `code`.
struct EarlyExit {
  int code = 0;      // 0 for --help and --version, 2 for a bad command line.
  std::string text;  // To stdout for code 0, to stderr otherwise.
};

// Reads the command line. Unknown flags are refused and bad values named.
std::variant<Options, EarlyExit> ParseOptions(int argc,
                                              const char* const* argv);

}  // namespace cascade
