#include "models/evaluation/bound_report.h"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "models/weights/json_fields.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

using Json = nlohmann::ordered_json;

// What a stage's terms are spread over.
int64_t ValuesFor(const BoundReport& report, BoundKind kind, size_t stage) {
  return kind == BoundKind::kStages ? report.stages[stage].values
                                    : report.stages.back().values;
}

Json Bits(const MeanAndError& nats, int64_t values) {
  return {{"bits_per_dimension", BitsPerDimension(nats.mean, values)},
          {"standard_error", BitsPerDimension(nats.StandardError(), values)}};
}

Json StateOf(const MeanAndError& value) {
  return {
      {"count", value.count}, {"mean", value.mean}, {"squares", value.squares}};
}

MeanAndError MeanOf(const Json& json) {
  return {.count = json.at("count").get<int64_t>(),
          .mean = json.at("mean").get<double>(),
          .squares = json.at("squares").get<double>()};
}

Json StateOf(const BoundReport& report) {
  Json stages = Json::array();
  for (const StageBoundReport& stage : report.stages) {
    stages.push_back({{"name", stage.name},
                      {"resolution", stage.resolution},
                      {"values", stage.values},
                      {"augmentation_level", stage.augmentation_level},
                      {"augmentation_index", stage.augmentation_index},
                      {"first_timestep", stage.first_timestep},
                      {"prior", StateOf(stage.prior)},
                      {"steps", StateOf(stage.steps)},
                      {"decoder", StateOf(stage.decoder)},
                      {"total", StateOf(stage.total)},
                      {"timestep_sums", stage.timestep_sums},
                      {"timestep_evaluations", stage.timestep_evaluations}});
  }
  return {{"images", report.images},
          {"total", StateOf(report.total)},
          {"stages", stages}};
}

BoundReport ReportOf(const Json& json) {
  BoundReport report;
  report.images = json.at("images").get<int64_t>();
  report.total = MeanOf(json.at("total"));
  for (const Json& stage : json.at("stages")) {
    report.stages.push_back(
        {.name = stage.at("name").get<std::string>(),
         .resolution = stage.at("resolution").get<int>(),
         .values = stage.at("values").get<int64_t>(),
         .augmentation_level = stage.at("augmentation_level").get<double>(),
         .augmentation_index = stage.at("augmentation_index").get<int>(),
         .first_timestep = stage.at("first_timestep").get<int>(),
         .prior = MeanOf(stage.at("prior")),
         .steps = MeanOf(stage.at("steps")),
         .decoder = MeanOf(stage.at("decoder")),
         .total = MeanOf(stage.at("total")),
         .timestep_sums = stage.at("timestep_sums").get<std::vector<double>>(),
         .timestep_evaluations =
             stage.at("timestep_evaluations").get<std::vector<int64_t>>()});
  }
  return report;
}

}  // namespace

double BitsPerDimension(double nats, int64_t values) {
  return nats / std::numbers::ln2 / static_cast<double>(values);
}

Json BoundSummary(const BoundReport& report, BoundKind kind) {
  Json stages = Json::array();
  for (size_t k = 0; k < report.stages.size(); ++k) {
    const StageBoundReport& stage = report.stages[k];
    const int64_t values = ValuesFor(report, kind, k);
    stages.push_back({{"name", stage.name},
                      {"augmentation_level", stage.augmentation_level},
                      {"augmentation_index", stage.augmentation_index},
                      {"first_timestep", stage.first_timestep},
                      {"prior", Bits(stage.prior, values)},
                      {"steps", Bits(stage.steps, values)},
                      {"decoder", Bits(stage.decoder, values)},
                      {"total", Bits(stage.total, values)}});
  }
  Json json = {{"images", report.images}, {"stages", stages}};
  if (kind != BoundKind::kStages) {
    json["total"] = Bits(report.total, report.stages.back().values);
  }
  return json;
}

std::string BoundTerms(const BoundReport& report, BoundKind kind) {
  std::string text = "stage,timestep,bits,evaluations\n";
  for (size_t k = 0; k < report.stages.size(); ++k) {
    const StageBoundReport& stage = report.stages[k];
    const int64_t values = ValuesFor(report, kind, k);
    const auto images =
        static_cast<double>(std::max<int64_t>(report.images, 1));
    const size_t timesteps = stage.timestep_sums.size();
    absl::StrAppendFormat(&text, "%s,%d,%.9g,%d\n", stage.name, timesteps,
                          BitsPerDimension(stage.prior.mean, values),
                          report.images);
    for (size_t t = timesteps; t-- > 0;) {
      if (t < static_cast<size_t>(stage.first_timestep)) break;
      absl::StrAppendFormat(
          &text, "%s,%d,%.9g,%d\n", stage.name, t,
          BitsPerDimension(stage.timestep_sums[t] / images, values),
          stage.timestep_evaluations[t]);
    }
  }
  return text;
}

absl::Status SaveBoundState(const std::string& path, const Json& settings,
                            const BoundReport& report) {
  const Json json = {{"settings", settings}, {"report", StateOf(report)}};
  const std::string text = json.dump();
  const std::span<const std::byte> piece = std::as_bytes(std::span(text));
  return WriteFileAtomically(path, {&piece, 1});
}

absl::StatusOr<std::optional<BoundReport>> LoadBoundState(
    const std::string& path, const Json& settings) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  try {
    const Json& made_with = json.at("settings");
    for (const auto& [key, value] : settings.items()) {
      if (made_with.at(key) == value) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(path, " was made with ", key, " ",
                       made_with.at(key).dump(), ", not ", value.dump()));
    }
    return ReportOf(json.at("report"));
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(
        absl::StrCat(path, " holds no state of a bound: ", error.what()));
  }
}

}  // namespace cascade
