#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "models/cascade_model.h"
#include "server/base/logging.h"
#include "server/pipeline/placement.h"
#include "server/scheduler/cascade_loader.h"
#include "server/scheduler/fair_share.h"
#include "server/scheduler/scheduler.h"

namespace cascade {

// What the command line, the environment and the configuration file say,
// checked. README.md explains each; ranges are in config_setting.cc.
struct Options {
  std::string listen = "127.0.0.1:50051";  // HOST:PORT; port 0: a free one.
  std::string http_listen;                 // Likewise; empty: no HTTP port.
  std::string admin_listen;                // Likewise; empty: no admin service.
  std::vector<CascadeSource> cascades;     // Names differ.
  std::vector<LaneGroup> lanes = {LaneGroup()};
  std::map<std::string, int64_t> memory_limit;  // Bytes, by device.
  TenantTable tenants;

  int max_batch_rows = 32;
  int slots = 64;  // Per stage and lane.
  int max_queued_images = 1024;
  int max_images_per_request = 0;  // Once parsed: 1..max_queued_images.
  int max_upload_pixels = 1 << 24;
  int encode_threads = 2;

  int max_receive_message_bytes = 4 << 20;
  int max_concurrent_streams = 1024;  // On one connection.
  absl::Duration keepalive_time = absl::Seconds(60);
  absl::Duration keepalive_timeout = absl::Seconds(20);
  absl::Duration min_client_ping_interval = absl::Seconds(20);
  absl::Duration max_connection_age = absl::InfiniteDuration();
  absl::Duration max_connection_age_grace = absl::Minutes(10);

  StepPolicyKind policy = StepPolicyKind::kStep;
  absl::Duration priority_ageing = absl::Seconds(5);
  int stage_inbox = 0;   // Images; 0: as many as batches need.
  int max_step_mib = 0;  // 0: as much as its batch needs.

  absl::Duration drain_timeout = absl::Seconds(30);
  absl::Duration reader_stall_timeout = absl::Seconds(30);
  absl::Duration lane_stall_limit = absl::Minutes(2);
  Reproducibility reproducibility = Reproducibility::kExact;
  Precision precision = Precision::kAuto;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
};

// What there is to do instead of serving: print `text` and exit with `code`.
struct EarlyExit {
  int code = 0;      // 0 for --help and --version, 2 for what is wrong.
  std::string text;  // To stdout for code 0, to stderr otherwise.
};

// Reads the command line, the environment (CASCADE_SLOTS for --slots) and the
// file of --config; the first of them that has a setting wins. Unknown flags
// and keys are refused and bad values named.
std::variant<Options, EarlyExit> ParseOptions(int argc,
                                              const char* const* argv);

}  // namespace cascade
