#include "client/bench_report.h"

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "client/bench_series.h"
#include "client/latency_summary.h"

namespace cascade {
namespace {

using Json = nlohmann::ordered_json;
using Replies = std::vector<const LoadReply*>;

Json LatencyJson(const std::vector<double>& seconds) {
  const LatencySummary summary = Summarize(seconds);
  return {{"mean", summary.mean},
          {"p50", summary.p50},
          {"p90", summary.p90},
          {"p99", summary.p99},
          {"max", summary.max}};
}

int64_t CountOf(const Replies& replies, LoadOutcome outcome) {
  int64_t count = 0;
  for (const LoadReply* reply : replies) count += reply->outcome == outcome;
  return count;
}

// `member` of each reply, where it is set.
std::vector<double> Values(
    const Replies& replies,
    const std::function<std::optional<double>(const LoadReply&)>& member) {
  std::vector<double> values;
  for (const LoadReply* reply : replies) {
    if (const auto value = member(*reply)) values.push_back(*value);
  }
  return values;
}

// Latencies of the requests that succeeded.
void AddLatencies(const BenchRun& run, const Replies& replies, Json& json) {
  Replies ok;
  for (const LoadReply* reply : replies) {
    if (reply->outcome == LoadOutcome::kOk) ok.push_back(reply);
  }
  const auto stage_image = [](size_t stage) {
    return [stage](const LoadReply& reply) {
      return stage < reply.stage_images.size() ? reply.stage_images[stage]
                                               : std::nullopt;
    };
  };
  json["latency_seconds"] = LatencyJson(
      Values(ok, [](const LoadReply& reply) { return reply.latency; }));
  json["first_image_seconds"] =
      LatencyJson(Values(ok, [](const LoadReply& reply) {
        std::optional<double> first;
        for (const auto& image : reply.stage_images) {
          if (image && (!first || *image < *first)) first = image;
        }
        return first;
      }));
  const std::vector<double> previews =
      Values(ok, [](const LoadReply& reply) { return reply.first_preview; });
  if (!previews.empty()) json["first_preview_seconds"] = LatencyJson(previews);
  Json& stages = json["stage_image_seconds"] = Json::object();
  for (size_t stage = 0; stage < run.stages.size(); ++stage) {
    const std::vector<double> images = Values(ok, stage_image(stage));
    if (!images.empty()) stages[run.stages[stage]] = LatencyJson(images);
  }
}

void AddCounts(const Replies& replies, double seconds, Json& json) {
  const auto rate = [seconds](int64_t count) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0.0;
  };
  int64_t images = 0;
  int64_t reduced = 0;
  for (const LoadReply* reply : replies) {
    images += reply->images;
    reduced += reply->reduced;
  }
  const int64_t not_sent = CountOf(replies, LoadOutcome::kNotSent);
  const int64_t ok = CountOf(replies, LoadOutcome::kOk);
  json["requests"] = static_cast<int64_t>(replies.size()) - not_sent;
  json["requests_ok"] = ok;
  json["requests_per_second"] = rate(ok);
  json["images"] = images;
  json["images_per_second"] = rate(images);
  json["reduced"] = reduced;
  json["refused"] = CountOf(replies, LoadOutcome::kRefused);
  json["deadline_missed"] = CountOf(replies, LoadOutcome::kDeadlineMissed);
  json["cancelled"] = CountOf(replies, LoadOutcome::kCancelled);
  json["failed"] = CountOf(replies, LoadOutcome::kFailed);
  json["not_sent"] = not_sent;
}

void AddGoodput(const BenchRun& run, const Replies& replies, Json& json) {
  if (!run.goal.has_value()) return;
  const double goal = absl::ToDoubleSeconds(*run.goal);
  const double seconds = absl::ToDoubleSeconds(run.duration);
  int64_t within = 0;
  for (const LoadReply* reply : replies) {
    within += reply->outcome == LoadOutcome::kOk && reply->latency <= goal;
  }
  json["goodput"] = {
      {"goal_seconds", goal},
      {"requests", within},
      {"requests_per_second",
       seconds > 0 ? static_cast<double>(within) / seconds : 0.0}};
}

void AddFaults(const Replies& replies, Json& json) {
  std::map<std::string, std::vector<double>> refusals;
  std::map<std::string, int64_t> errors;
  std::map<std::string, int64_t> problems;
  for (const LoadReply* reply : replies) {
    const CallStatus& status = reply->status;
    if (reply->outcome == LoadOutcome::kRefused) {
      refusals[status.reason].push_back(reply->latency);
    } else if (reply->outcome == LoadOutcome::kFailed) {
      ++errors[status.reason.empty() ? CodeName(status.code) : status.reason];
    }
    for (const std::string& problem : reply->problems) ++problems[problem];
  }
  Json& by_reason = json["refusals"] = Json::object();
  for (const auto& [reason, seconds] : refusals) {
    by_reason[reason] = {{"count", seconds.size()},
                         {"latency_seconds", LatencyJson(seconds)}};
  }
  json["errors"] = errors;
  json["problems"] = problems;
}

// All of some requests but for latencies, which are of `prompt` ones.
void AddGroup(const BenchRun& run, const Replies& replies,
              const Replies& prompt, Json& json) {
  AddCounts(replies, absl::ToDoubleSeconds(run.duration), json);
  AddGoodput(run, replies, json);
  AddLatencies(run, prompt, json);
  AddFaults(replies, json);
}

Json GroupJson(const BenchRun& run, const Replies& replies,
               const Replies& prompt) {
  Json json = Json::object();
  AddGroup(run, replies, prompt, json);
  return json;
}

Replies Choose(const BenchRun& run,
               const std::function<bool(const LoadReply&)>& is_chosen) {
  Replies replies;
  for (const LoadReply& reply : run.replies) {
    if (is_chosen(reply)) replies.push_back(&reply);
  }
  return replies;
}

}  // namespace

Json BenchReport(const BenchRun& run) {
  const auto is_slow = [](const LoadReply& reply) {
    return reply.reads_slowly;
  };
  Json json;
  if (run.clients > 0) {
    json = {{"loop", "closed"}, {"clients", run.clients}};
  } else {
    json = {{"loop", "open"}, {"rate", run.rate}, {"arrivals", run.arrivals}};
  }
  json["seconds"] = absl::ToDoubleSeconds(run.duration);
  AddGroup(run, Choose(run, [](const LoadReply&) { return true; }),
           Choose(run, std::not_fn(is_slow)), json);
  const Replies slow = Choose(run, is_slow);
  if (!slow.empty()) json["slow_readers"] = GroupJson(run, slow, slow);
  for (size_t i = 0; run.entries.size() > 1 && i < run.entries.size(); ++i) {
    const auto is_of_entry = [i](const LoadReply& reply) {
      return reply.entry == i;
    };
    json["mix"][run.entries[i]] = GroupJson(
        run, Choose(run, is_of_entry), Choose(run, [&](const LoadReply& reply) {
          return is_of_entry(reply) && !is_slow(reply);
        }));
  }
  json["series"] = ToJson(BenchSeries(run));
  return json;
}

}  // namespace cascade
