#include "server/config_setting.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

bool IsAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  const std::string port = text.substr(colon + 1);
  return !port.empty() && port.size() <= 5 &&
         std::all_of(port.begin(), port.end(), absl::ascii_isdigit) &&
         std::stoi(port) <= 65535;
}

ConfigSetting Address(std::string name, std::string Options::*field,
                      bool may_be_empty, std::string help) {
  return {.name = std::move(name),
          .type = "HOST:PORT",
          .help = std::move(help),
          .default_text = Options().*field,
          .set = [field, may_be_empty](const std::string& text,
                                       Options& options) -> std::string {
            if (!IsAddress(text) && !(text.empty() && may_be_empty)) {
              return absl::StrCat("'", text,
                                  "' is not HOST:PORT with a port in 0..65535");
            }
            options.*field = text;
            return "";
          }};
}

// "" and the value, or what is wrong with it.
std::string ReadNumber(const std::string& text, int min, int max, int* value) {
  if (absl::SimpleAtoi(text, value) && *value >= min && *value <= max) {
    return "";
  }
  return absl::StrCat("'", text, "' is not an integer in ", min, "..", max);
}

ConfigSetting Number(std::string name, int Options::*field, int min, int max,
                     std::string help) {
  return {.name = std::move(name),
          .type = "N",
          .help = std::move(help),
          .default_text = absl::StrCat(Options().*field),
          .is_number = true,
          .set = [=](const std::string& text, Options& options) {
            int value = 0;
            std::string problem = ReadNumber(text, min, max, &value);
            if (problem.empty()) options.*field = value;
            return problem;
          }};
}

// `may_be_infinite` also allows "inf".
ConfigSetting Duration(std::string name, absl::Duration Options::*field,
                       bool may_be_infinite, std::string help) {
  return {.name = std::move(name),
          .type = "DURATION",
          .help = std::move(help),
          .default_text = absl::FormatDuration(Options().*field),
          .set = [=](const std::string& text, Options& options) -> std::string {
            absl::Duration value;
            const bool is_positive =
                absl::ParseDuration(text, &value) &&
                value >= absl::Milliseconds(1) &&
                (value <= absl::Hours(24 * 24) ||
                 (may_be_infinite && value == absl::InfiniteDuration()));
            if (!is_positive) {
              return absl::StrCat(
                  "'", text, "' is not a duration in 1ms..576h such as 30s or ",
                  may_be_infinite ? "1m30s, or inf" : "1m30s");
            }
            options.*field = value;
            return "";
          }};
}

template <typename Enum>
ConfigSetting Choice(std::string name, Enum Options::*field,
                     std::map<std::string, Enum> values, std::string help) {
  std::string type;
  std::string default_text;
  for (const auto& [text, value] : values) {
    absl::StrAppend(&type, type.empty() ? "" : "|", text);
    if (value == Options().*field) default_text = text;
  }
  return {.name = std::move(name),
          .type = type,
          .help = std::move(help),
          .default_text = default_text,
          .set = [field, values = std::move(values), type](
                     const std::string& text, Options& options) -> std::string {
            const auto found = values.find(text);
            if (found == values.end()) {
              return absl::StrCat("'", text, "' is not one of ", type);
            }
            options.*field = found->second;
            return "";
          }};
}

ConfigSetting Lanes() {
  return {.name = "lanes",
          .type = "N",
          .help =
              "Worker threads on the CPU, each for every stage; 0: as many as "
              "cores. The file may have a list instead",
          .default_text = "0",
          .is_number = true,
          .set = [](const std::string& text, Options& options) {
            LaneGroup group;
            std::string problem = ReadNumber(text, 0, 1024, &group.count);
            if (problem.empty()) options.lanes = {group};
            return problem;
          }};
}

}  // namespace

const std::vector<ConfigSetting>& ConfigSettings() {
  constexpr int kMaxImages = 1000000;
  static const auto* const kSettings = new std::vector<ConfigSetting>{
      Address("listen", &Options::listen, false, "Where to serve gRPC"),
      Address("http_listen", &Options::http_listen, true,
              "Where to serve /healthz, /readyz and /metrics; empty: nowhere"),
      Address("admin_listen", &Options::admin_listen, true,
              "Where to serve the admin service, which loads and unloads "
              "cascades; empty: nowhere"),
      Lanes(),
      Number("max_batch_rows", &Options::max_batch_rows, 1, 1024,
             "Network rows of a step at most"),
      Number("slots", &Options::slots, 1, 4096,
             "Images in each stage of each lane at most"),
      Number("max_queued_images", &Options::max_queued_images, 1, kMaxImages,
             "Images of a cascade that may wait to begin"),
      Number("max_images_per_request", &Options::max_images_per_request, 0,
             kMaxImages,
             "Images of one request; 0: 64, or the whole queue if that is "
             "less"),
      Number("max_upload_pixels", &Options::max_upload_pixels, 1, 1 << 30,
             "Pixels of an uploaded image at most"),
      Number("encode_threads", &Options::encode_threads, 1, 256,
             "Threads that encode pictures"),
      Number("max_receive_message_bytes", &Options::max_receive_message_bytes,
             1024, 1 << 30, "Bytes of a message from a client at most"),
      Number("max_concurrent_streams", &Options::max_concurrent_streams, 1,
             kMaxImages, "Calls at a time on one connection"),
      Duration("keepalive_time", &Options::keepalive_time, true,
               "A silent client is pinged this often, with and without calls"),
      Duration("keepalive_timeout", &Options::keepalive_timeout, false,
               "A client that does not answer a ping for this long is gone"),
      Duration("min_client_ping_interval", &Options::min_client_ping_interval,
               false,
               "A client that pings more often, with or without calls, is cut "
               "off"),
      Duration("max_connection_age", &Options::max_connection_age, true,
               "A client is asked to connect anew after this long"),
      Duration("max_connection_age_grace", &Options::max_connection_age_grace,
               true, "Its calls may go on for this long then"),
      Duration("drain_timeout", &Options::drain_timeout, false,
               "How long SIGTERM waits for what was admitted"),
      Duration("reader_stall_timeout", &Options::reader_stall_timeout, false,
               "A client that takes longer for one message is cut off"),
      Duration("lane_stall_limit", &Options::lane_stall_limit, true,
               "A lane that is longer in one step turns liveness off"),
      Choice<StepPolicyKind>(
          "policy", &Options::policy,
          {{"step", StepPolicyKind::kStep},
           {"request", StepPolicyKind::kWholeRequest}},
          "Batches form anew in each step; or of whole requests, as other "
          "servers do, for comparison"),
      Number("stage_inbox", &Options::stage_inbox, 0, 1'000'000,
             "Images that may wait before a stage or be on their way to it; "
             "0: a batch of each lane of both stages"),
      Number(
          "max_step_mib", &Options::max_step_mib, 0, 1 << 20,
          "MiB of memory of a step beside the slots at most; 0: as its batch "
          "needs"),
      Duration("priority_ageing", &Options::priority_ageing, true,
               "A priority class that had no step for this long gets one"),
      Choice<Reproducibility>("reproducibility", &Options::reproducibility,
                              {{"exact", Reproducibility::kExact},
                               {"fast", Reproducibility::kFast}},
                              "Same bytes in any batch, or every batch size"),
      Choice<Precision>("precision", &Options::precision,
                        {{"auto", Precision::kAuto},
                         {"fp32", Precision::kFp32},
                         {"bf16", Precision::kBf16},
                         {"fp16", Precision::kFp16}},
                        "What networks are computed in; auto: as each stage's "
                        "package says"),
      Choice<LogLevel>("log_level", &Options::log_level,
                       {{"debug", LogLevel::kDebug},
                        {"info", LogLevel::kInfo},
                        {"warning", LogLevel::kWarning},
                        {"error", LogLevel::kError}},
                       "What goes to stderr"),
      Choice<LogFormat>("log_format", &Options::log_format,
                        {{"text", LogFormat::kText},
                         {"json", LogFormat::kJson}},
                        "Lines of key=value pairs, or a JSON object a line")};
  return *kSettings;
}

}  // namespace cascade
