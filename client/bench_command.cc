#include "client/bench_command.h"

#include <cstdio>

#include "absl/time/clock.h"
#include "client/bench_report.h"
#include "client/closed_loop.h"
#include "client/event_json.h"
#include "client/image_client.h"
#include "client/server_flag.h"

namespace cascade {
namespace {

constexpr int64_t kDefaultRequests = 100;
// Seeds of requests that do not count lie beyond those that do.
constexpr uint64_t kWarmupSeeds = uint64_t{1} << 40;

ExitCode Usage(const absl::Status& status) {
  std::fprintf(stderr, "cascade: %s\n", std::string(status.message()).c_str());
  return kExitUsage;
}

// An empty flag leaves `duration` as it is.
absl::Status ReadDuration(const std::string& flag, const std::string& value,
                          absl::Duration& duration) {
  if (value.empty()) return absl::OkStatus();
  const auto parsed = ParseDurationFlag(flag, value);
  if (parsed.ok()) duration = *parsed;
  return parsed.status();
}

}  // namespace

BenchCommand::BenchCommand(CLI::App& app)
    : command_(app.add_subcommand(
          "bench", "Measures a server with clients in a closed loop")) {
  AddServerFlag(*command_, server_);
  request_.AddTo(*command_);
  command_->get_option("--class")->description(
      "A class's name or id, 'none', or 'random' for each request anew");
  command_->get_option("--seed")->description(
      "Of the first request; each has its own. Default: 0");
  command_
      ->add_option("--clients,--concurrency", clients_,
                   "Clients at a time, each with its own connection")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  command_
      ->add_option("--requests", requests_,
                   "Requests in all. Default: 100, or no limit with --duration")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  command_->add_option("--duration", duration_,
                       "No request begins after this long: 30s");
  command_
      ->add_option("--warmup", warmup_, "Requests before, which do not count")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40));
  command_->add_option("--deadline", deadline_, "Of each request: 30s");
  command_->add_flag("--json", json_, "One JSON object instead of text");
  command_->footer(kExitCodesHelp);
}

absl::StatusOr<v1::GenerateImageRequest> BenchCommand::MakeRequest(
    const v1::Cascade& cascade) const {
  RequestFlags flags = request_;
  if (HasRandomClass()) flags.class_choice.clear();
  return flags.ToRequest(cascade);
}

ExitCode BenchCommand::Run() const {
  ClosedLoop loop;
  absl::Duration duration = absl::InfiniteDuration();
  absl::Status flags = ReadDuration("--deadline", deadline_, loop.deadline);
  flags.Update(ReadDuration("--duration", duration_, duration));
  if (!flags.ok()) return Usage(flags);

  v1::GetCascadeResponse response;
  const CallStatus found =
      ImageClient(MakeChannel(server_))
          .GetCascade(request_.cascade,
                      ImageClient::CallOptions::Within(absl::Seconds(30)),
                      response);
  if (!found.ok()) {
    std::fprintf(stderr, "cascade: %s\n", Explain(found).c_str());
    return ExitCodeOf(found.code);
  }
  const v1::Cascade& cascade = response.cascade();
  const auto request = MakeRequest(cascade);
  if (!request.ok()) return Usage(request.status());

  loop.server = server_;
  loop.clients = clients_;
  loop.request = *request;
  loop.seed = request_.seed.value_or(0);
  loop.num_random_classes = HasRandomClass() ? cascade.num_classes() : 0;
  loop.target_stage = TargetStage(*request, cascade);
  if (warmup_ > 0) {
    ClosedLoop warmup = loop;
    warmup.seed += kWarmupSeeds;
    warmup.Run(warmup_, absl::InfiniteDuration());
  }
  const bool has_limit = requests_ > 0 || !duration_.empty();
  const absl::Time start = absl::Now();
  const std::vector<BenchReply> replies =
      loop.Run(has_limit ? requests_ : kDefaultRequests, duration);
  const auto report = BenchReport(replies, clients_,
                                  absl::ToDoubleSeconds(absl::Now() - start));
  const std::string text = json_ ? JsonLine(report) + "\n" : BenchText(report);
  std::fputs(text.c_str(), stdout);
  const bool is_good = report["errors"].empty() && report["problems"].empty();
  return is_good ? kExitOk : kExitFailed;
}

}  // namespace cascade
