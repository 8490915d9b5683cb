#include "client/load_flags.h"

#include "client/load_mix.h"
#include "client/request_flags.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr int64_t kDefaultRequests = 100;
constexpr int64_t kMaxRequests = int64_t{1} << 40;

}  // namespace

void LoadFlags::AddTo(CLI::App& command) {
  CLI::Option* const closed =
      command
          .add_option("--clients,--concurrency", clients,
                      "Closed loop: clients at a time, each with its own "
                      "connection and one request after another")
          ->capture_default_str()
          ->check(CLI::Range(1, 1024));
  command
      .add_option("--rate", rate,
                  "Open loop: requests per second, whatever the server does. "
                  "Latency counts from when a request was due")
      ->check(CLI::Range(1e-3, 1e5))
      ->excludes(closed);
  command.add_option("--arrivals", arrivals, "Of --rate: poisson or constant")
      ->capture_default_str()
      ->check(CLI::IsMember({"poisson", "constant"}));
  command
      .add_option("--max-outstanding", max_outstanding,
                  "Of --rate: what would go beyond is counted as not sent")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  command
      .add_option("--requests", requests,
                  "Requests in all. Default: 100, or no limit with --duration")
      ->check(CLI::Range(int64_t{1}, kMaxRequests));
  command.add_option("--duration", duration,
                     "No request begins after this long: 30s");
  command.add_option("--warmup", warmup, "Requests before, which do not count")
      ->check(CLI::Range(int64_t{0}, kMaxRequests));
  command
      .add_option("--cancel", cancel,
                  "Share of requests whose client gives up, at a random time "
                  "within the latency to be expected: 10%")
      ->capture_default_str();
  command
      .add_option("--slow-readers", slow_readers,
                  "Share of requests whose client waits before it reads an "
                  "event: 5%. Reported apart")
      ->capture_default_str();
  command
      .add_option("--read-delay", read_delay, "How long a slow reader waits")
      ->capture_default_str();
  command.add_option("--goal", goal,
                     "Reports goodput: requests per second done within: 2s");
}

absl::StatusOr<LoadSettings> LoadFlags::Parse() const {
  LoadSettings settings;
  if (arrivals == "constant") settings.arrivals = ArrivalKind::kConstant;
  settings.requests = requests;
  if (!duration.empty()) {
    ASSIGN_OR_RETURN(settings.duration,
                     ParseDurationFlag("--duration", duration));
  } else if (requests == 0) {
    settings.requests = kDefaultRequests;
  }
  ASSIGN_OR_RETURN(settings.read_delay,
                   ParseDurationFlag("--read-delay", read_delay));
  ASSIGN_OR_RETURN(settings.cancelled_share,
                   ParsePercentFlag("--cancel", cancel));
  ASSIGN_OR_RETURN(settings.slow_reader_share,
                   ParsePercentFlag("--slow-readers", slow_readers));
  if (!goal.empty()) {
    ASSIGN_OR_RETURN(settings.goal, ParseDurationFlag("--goal", goal));
  }
  return settings;
}

}  // namespace cascade
