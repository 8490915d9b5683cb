#include "client/bench_command.h"

#include <cstdio>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/bench_plot.h"
#include "client/bench_text.h"
#include "client/closed_loop.h"
#include "client/event_json.h"
#include "client/image_client.h"
#include "client/load_mix.h"
#include "client/open_loop.h"
#include "client/server_flag.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Requests that do not count have numbers, and so seeds, beyond those that do.
constexpr int64_t kWarmupIndex = int64_t{1} << 40;
// So that a server's limit of streams on a connection is no limit of the load.
constexpr int kOpenLoopConnections = 16;

ExitCode Usage(const absl::Status& status) {
  std::fprintf(stderr, "cascade: %s\n", std::string(status.message()).c_str());
  return kExitUsage;
}

}  // namespace

BenchCommand::BenchCommand(CLI::App& app)
    : command_(app.add_subcommand(
          "bench", "Loads a server, and reports throughput and latency")) {
  AddServerFlag(*command_, server_);
  request_.AddTo(*command_);
  command_->get_option("--class")->description(
      "A class's name or id, 'none', several of them (1,4,7), or 'random' for "
      "each request anew");
  command_->get_option("--seed")->description(
      "Of the first request, and of every random choice. Default: 0");
  load_.AddTo(*command_);
  command_->add_option("--mix", mix_, kMixHelp);
  command_->add_option("--deadline", deadline_, "Of each request: 30s");
  command_->add_option("--tenant", tenant_, "On whose account");
  command_->add_flag("--json", json_, "One JSON object instead of text");
  command_->add_option("--plot", plot_,
                       "An SVG file to write: latency, and the load over time");
  command_->footer(kExitCodesHelp);
}

absl::StatusOr<LoadPlan> BenchCommand::MakePlan(
    const LoadSettings& settings, const v1::Cascade& cascade) const {
  MixEntry defaults;
  defaults.name = "all";
  defaults.flags = request_;
  defaults.deadline = deadline_;
  defaults.tenant = tenant_;
  std::vector<MixEntry> mix = {defaults};
  if (!mix_.empty()) {
    ASSIGN_OR_RETURN(mix, ParseMix(mix_, defaults));
  }
  std::vector<LoadEntry> entries;
  for (const MixEntry& entry : mix) {
    auto ready = MakeLoadEntry(entry, cascade);
    if (!ready.ok() && !mix_.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--mix '", entry.name, "': ", ready.status().message()));
    }
    ASSIGN_OR_RETURN(entries.emplace_back(), std::move(ready));
  }
  LoadPlan::Options options;
  options.seed = request_.seed.value_or(0);
  options.cancelled_share = settings.cancelled_share;
  options.slow_reader_share = settings.slow_reader_share;
  return LoadPlan(std::move(entries), options);
}

LoadSession::Channels BenchCommand::MakeChannels() const {
  ChannelOptions options;
  options.own_connection = true;
  options.repeats_calls = false;
  LoadSession::Channels channels;
  const int count = load_.rate > 0 ? kOpenLoopConnections : load_.clients;
  for (int i = 0; i < count; ++i) {
    channels.push_back(MakeChannel(server_, options));
  }
  return channels;
}

void BenchCommand::Load(LoadSession& session, const LoadSettings& settings,
                        int64_t first_index, int64_t count,
                        absl::Duration duration) const {
  if (load_.rate > 0) {
    const OpenLoop loop{settings.arrivals, load_.rate, load_.max_outstanding};
    loop.Run(session, first_index, count, duration);
    session.WaitUntilIdle();
  } else {
    RunClosedLoop(session, load_.clients, first_index, count, duration);
  }
}

void BenchCommand::WarmUp(LoadSession& session,
                          const LoadSettings& settings) const {
  int64_t index = kWarmupIndex;
  if (settings.cancelled_share > 0) {
    // Without a latency to be expected, there is no time to cancel at.
    for (size_t i = 0; i < session.plan().entries().size(); ++i) {
      session.Send(session.plan().Plain(i, index++), absl::Now(), i);
      session.WaitUntilIdle();
    }
  }
  if (load_.warmup > 0) {
    Load(session, settings, index, load_.warmup, absl::InfiniteDuration());
  }
  session.TakeReplies();
}

BenchRun BenchCommand::Measure(LoadSession& session,
                               const LoadSettings& settings,
                               const v1::Cascade& cascade) const {
  WarmUp(session, settings);
  BenchRun run;
  run.start = absl::Now();
  Load(session, settings, 0, settings.requests, settings.duration);
  run.duration = absl::Now() - run.start;
  run.replies = session.TakeReplies();
  run.clients = load_.rate > 0 ? 0 : load_.clients;
  run.rate = load_.rate;
  run.arrivals = load_.arrivals;
  run.goal = settings.goal;
  for (const LoadEntry& entry : session.plan().entries()) {
    run.entries.push_back(entry.name);
  }
  for (const v1::Stage& stage : cascade.stages()) {
    run.stages.push_back(stage.name());
  }
  return run;
}

ExitCode BenchCommand::Print(const BenchRun& run) const {
  const auto report = BenchReport(run);
  const std::string text = json_ ? JsonLine(report) + "\n" : BenchText(report);
  std::fputs(text.c_str(), stdout);
  bool is_good = true;
  for (const LoadReply& reply : run.replies) {
    is_good &= reply.problems.empty() && reply.outcome != LoadOutcome::kFailed;
  }
  if (!plot_.empty()) {
    std::ofstream file(plot_, std::ios::trunc);
    file << PlotSvg(BenchCharts(run)) << std::flush;
    if (!file) {
      std::fprintf(stderr, "cascade: --plot %s cannot be written\n",
                   plot_.c_str());
      is_good = false;
    }
  }
  return is_good ? kExitOk : kExitFailed;
}

ExitCode BenchCommand::Run() const {
  const auto settings = load_.Parse();
  if (!settings.ok()) return Usage(settings.status());
  v1::GetCascadeResponse response;
  const CallStatus found =
      ImageClient(MakeChannel(server_))
          .GetCascade(request_.cascade,
                      ImageClient::CallOptions::Within(absl::Seconds(30)),
                      response);
  if (!found.ok()) {
    std::fprintf(stderr, "cascade: %s\n", Explain(found).c_str());
    return ExitCodeOf(found);
  }
  const auto plan = MakePlan(*settings, response.cascade());
  if (!plan.ok()) return Usage(plan.status());
  LoadSession session(*plan, MakeChannels(), settings->read_delay);
  return Print(Measure(session, *settings, response.cascade()));
}

}  // namespace cascade
