#include "client/bench_report.h"

#include <cstdint>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/latency_summary.h"

namespace cascade {
namespace {

using Json = nlohmann::ordered_json;

Json LatencyJson(const std::vector<double>& seconds) {
  const LatencySummary summary = Summarize(seconds);
  return {{"mean", summary.mean},
          {"p50", summary.p50},
          {"p90", summary.p90},
          {"p99", summary.p99},
          {"max", summary.max}};
}

}  // namespace

Json BenchReport(const std::vector<BenchReply>& replies, int clients,
                 double seconds) {
  int64_t ok = 0;
  int64_t images = 0;
  std::map<std::string, int64_t> errors;
  std::map<std::string, int64_t> problems;
  std::vector<double> latencies;
  std::vector<double> first_previews;
  std::vector<double> first_images;
  for (const BenchReply& reply : replies) {
    for (const std::string& problem : reply.problems) ++problems[problem];
    if (!reply.status.ok()) {
      ++errors[reply.status.reason.empty() ? CodeName(reply.status.code)
                                           : reply.status.reason];
      continue;
    }
    ++ok;
    images += reply.images;
    latencies.push_back(reply.latency);
    if (reply.first_preview) first_previews.push_back(*reply.first_preview);
    if (reply.first_image) first_images.push_back(*reply.first_image);
  }
  Json json = {{"clients", clients},
               {"seconds", seconds},
               {"requests", replies.size()},
               {"requests_ok", ok},
               {"images", images},
               {"images_per_second",
                seconds > 0 ? static_cast<double>(images) / seconds : 0.0},
               {"latency_seconds", LatencyJson(latencies)},
               {"first_image_seconds", LatencyJson(first_images)}};
  if (!first_previews.empty()) {
    json["first_preview_seconds"] = LatencyJson(first_previews);
  }
  json["errors"] = errors;
  json["problems"] = problems;
  return json;
}

std::string BenchText(const Json& json) {
  const auto line = [](const char* name, const Json& latency) {
    return absl::StrFormat(
        "%-14s p50 %.3f s, p90 %.3f s, p99 %.3f s, mean %.3f s\n", name,
        latency["p50"].get<double>(), latency["p90"].get<double>(),
        latency["p99"].get<double>(), latency["mean"].get<double>());
  };
  std::string text = absl::StrFormat(
      "%d clients, %d requests (%d ok) in %.2f s: %.2f images/s\n",
      json["clients"].get<int>(), json["requests"].get<int64_t>(),
      json["requests_ok"].get<int64_t>(), json["seconds"].get<double>(),
      json["images_per_second"].get<double>());
  absl::StrAppend(&text, line("latency", json["latency_seconds"]),
                  line("first image", json["first_image_seconds"]));
  if (json.contains("first_preview_seconds")) {
    absl::StrAppend(&text,
                    line("first preview", json["first_preview_seconds"]));
  }
  for (const char* kind : {"errors", "problems"}) {
    for (const auto& [name, count] : json[kind].items()) {
      absl::StrAppend(&text, kind, ": ", name, " x ", count.get<int64_t>(),
                      "\n");
    }
  }
  return text;
}

}  // namespace cascade
