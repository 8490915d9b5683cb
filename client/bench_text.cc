#include "client/bench_text.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cascade {
namespace {

using Json = nlohmann::ordered_json;

std::string LatencyLine(const std::string& name, const Json& latency) {
  return absl::StrFormat(
      "  %-16s %8.3f %8.3f %8.3f %8.3f %8.3f\n", name,
      latency["p50"].get<double>(), latency["p90"].get<double>(),
      latency["p99"].get<double>(), latency["max"].get<double>(),
      latency["mean"].get<double>());
}

std::string LatencyLines(const Json& group) {
  std::string text = absl::StrFormat("  %-16s %8s %8s %8s %8s %8s\n", "seconds",
                                     "p50", "p90", "p99", "max", "mean");
  if (group.contains("first_preview_seconds")) {
    text += LatencyLine("first preview", group["first_preview_seconds"]);
  }
  for (const auto& [stage, latency] : group["stage_image_seconds"].items()) {
    text += LatencyLine("first " + stage, latency);
  }
  text += LatencyLine("all", group["latency_seconds"]);
  for (const auto& [reason, refusal] : group["refusals"].items()) {
    text += LatencyLine(reason, refusal["latency_seconds"]);
  }
  return text;
}

std::string CountLine(const Json& group) {
  std::string text =
      absl::StrFormat("%d requests: %d ok", group["requests"].get<int64_t>(),
                      group["requests_ok"].get<int64_t>());
  for (const char* kind :
       {"reduced", "deadline_missed", "cancelled", "failed", "not_sent"}) {
    const int64_t count = group[kind].get<int64_t>();
    if (count > 0) absl::StrAppend(&text, ", ", count, " ", kind);
  }
  for (const auto& [reason, refusal] : group["refusals"].items()) {
    absl::StrAppend(&text, ", ", refusal["count"].get<int64_t>(), " refused (",
                    reason, ")");
  }
  return text;
}

std::string GroupText(const Json& group) {
  std::string text = absl::StrFormat("%s; %.2f images/s", CountLine(group),
                                     group["images_per_second"].get<double>());
  if (group.contains("goodput")) {
    const Json& goodput = group["goodput"];
    absl::StrAppendFormat(&text, "; %.2f requests/s within %g s",
                          goodput["requests_per_second"].get<double>(),
                          goodput["goal_seconds"].get<double>());
  }
  absl::StrAppend(&text, "\n", LatencyLines(group));
  for (const char* kind : {"errors", "problems"}) {
    for (const auto& [name, count] : group[kind].items()) {
      absl::StrAppend(&text, "  ", kind, ": ", name, " x ",
                      count.get<int64_t>(), "\n");
    }
  }
  return text;
}

}  // namespace

std::string BenchText(const Json& json) {
  std::string text =
      json["loop"] == "closed"
          ? absl::StrFormat("%d clients", json["clients"].get<int>())
          : absl::StrFormat("%g requests/s, %s arrivals",
                            json["rate"].get<double>(),
                            json["arrivals"].get<std::string>());
  absl::StrAppendFormat(&text, ", %.2f s\n%s", json["seconds"].get<double>(),
                        GroupText(json));
  if (json.contains("mix")) {
    for (const auto& [name, group] : json["mix"].items()) {
      absl::StrAppend(&text, "\n", name, ": ", GroupText(group));
    }
  }
  if (json.contains("slow_readers")) {
    absl::StrAppend(&text, "\nslow readers: ", GroupText(json["slow_readers"]));
  }
  return text;
}

}  // namespace cascade
