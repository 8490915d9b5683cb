#include "server/metrics/state_metrics.h"

namespace cascade {
namespace {

using prometheus::ClientMetric;
using prometheus::Labels;
using prometheus::MetricFamily;
using prometheus::MetricType;
using SeriesList = std::vector<StateFamily::Series>;

}  // namespace

void StateFamily::Set(const std::vector<Series>& series) {
  std::map<Labels, double> values;
  for (const Series& one : series) values[one.labels] += one.value;
  MutexLock lock(mutex_);
  values_.swap(values);
}

std::vector<MetricFamily> StateFamily::Collect() const {
  MetricFamily family;
  family.name = name_;
  family.help = help_;
  family.type = type_;
  MutexLock lock(mutex_);
  if (values_.empty()) return {};
  for (const auto& [labels, value] : values_) {
    ClientMetric& metric = family.metric.emplace_back();
    for (const auto& [key, text] : labels) metric.label.push_back({key, text});
    if (type_ == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
  }
  return {family};
}

// The table of what is asked for, and not counted as it happens.
StateMetrics::StateMetrics()
    : queued_images_(MetricType::Gauge, "cascade_queued_images",
                     "Images admitted that have not begun."),
      stage_images_(MetricType::Gauge, "cascade_stage_images",
                    "Images at a stage, by cascade, stage and state: active "
                    "(with a slot) or waiting."),
      stage_credits_(MetricType::Gauge, "cascade_stage_credits",
                     "Places in the stage's inbox that are in use, by cascade "
                     "and stage."),
      stage_credit_limit_(MetricType::Gauge, "cascade_stage_credit_limit",
                          "Places that the stage's inbox has, by cascade and "
                          "stage."),
      backlog_seconds_(MetricType::Gauge, "cascade_backlog_seconds",
                       "Wall time until the stage's lanes have done what is "
                       "admitted, by cascade and stage."),
      efficient_batch_rows_(
          MetricType::Gauge, "cascade_efficient_batch_rows",
          "The smallest batch with 95 % of the best rows per second, which the "
          "policy aims at, by cascade and stage."),
      lane_busy_seconds_(MetricType::Counter, "cascade_lane_busy_seconds_total",
                         "Wall time that a lane spent in plans, by lane and "
                         "device."),
      lanes_(MetricType::Gauge, "cascade_lanes", "Lanes that work, by device."),
      loaded_info_(MetricType::Gauge, "cascade_loaded_info",
                   "1 for each cascade that is loaded, with the digest of its "
                   "package."),
      model_bytes_(MetricType::Gauge, "cascade_model_bytes",
                   "Weights and slots as they were loaded, by cascade, stage "
                   "and device."),
      load_seconds_(MetricType::Gauge, "cascade_load_seconds",
                    "How long the last load took, by cascade."),
      ready_(MetricType::Gauge, "cascade_ready",
             "1 while the server takes requests, 0 while it loads or drains."),
      log_lines_dropped_(MetricType::Counter, "cascade_log_lines_dropped_total",
                         "Lines of the log that were dropped because whoever "
                         "takes them was too slow.") {
  SetQueuedImages(0);
  SetReady(false);
  SetLogLinesDropped(0);
}

void StateMetrics::SetQueuedImages(int images) {
  queued_images_.Set({{.labels = {}, .value = static_cast<double>(images)}});
}

void StateMetrics::SetStages(const std::vector<StageState>& stages) {
  SeriesList images;
  SeriesList credits;
  SeriesList limits;
  SeriesList backlogs;
  SeriesList rows;
  for (const StageState& stage : stages) {
    const Labels labels = {{"cascade", stage.cascade}, {"stage", stage.stage}};
    for (const auto& [state, count] : {std::pair("active", stage.active),
                                       std::pair("waiting", stage.waiting)}) {
      Labels with_state = labels;
      with_state.emplace("state", state);
      images.push_back({with_state, static_cast<double>(count)});
    }
    if (stage.credit_limit.has_value()) {
      credits.push_back({labels, static_cast<double>(stage.credits)});
      limits.push_back({labels, static_cast<double>(*stage.credit_limit)});
    }
    backlogs.push_back({labels, absl::ToDoubleSeconds(stage.backlog)});
    if (stage.efficient_rows.has_value()) {
      rows.push_back({labels, static_cast<double>(*stage.efficient_rows)});
    }
  }
  stage_images_.Set(images);
  stage_credits_.Set(credits);
  stage_credit_limit_.Set(limits);
  backlog_seconds_.Set(backlogs);
  efficient_batch_rows_.Set(rows);
}

void StateMetrics::SetLanes(const std::vector<LaneState>& lanes) {
  SeriesList busy;
  SeriesList working;
  for (const LaneState& lane : lanes) {
    busy.push_back(
        {{{"lane", std::to_string(lane.lane)}, {"device", lane.device}},
         absl::ToDoubleSeconds(lane.busy)});
    working.push_back({{{"device", lane.device}}, lane.works ? 1.0 : 0.0});
  }
  lane_busy_seconds_.Set(busy);
  lanes_.Set(working);
}

void StateMetrics::SetCascades(const std::vector<CascadeState>& cascades) {
  SeriesList loaded;
  SeriesList load_times;
  SeriesList memory;
  for (const CascadeState& version : cascades) {
    for (const CascadeState::Memory& stage : version.memory) {
      memory.push_back({{{"cascade", version.cascade},
                         {"stage", stage.stage},
                         {"device", stage.device}},
                        static_cast<double>(stage.bytes)});
    }
    if (!version.serves) continue;
    loaded.push_back(
        {{{"cascade", version.cascade}, {"digest", version.digest}}, 1});
    load_times.push_back({{{"cascade", version.cascade}},
                          absl::ToDoubleSeconds(version.load_time)});
  }
  loaded_info_.Set(loaded);
  load_seconds_.Set(load_times);
  model_bytes_.Set(memory);
}

void StateMetrics::SetReady(bool is_ready) {
  ready_.Set({{.labels = {}, .value = is_ready ? 1.0 : 0.0}});
}

void StateMetrics::SetLogLinesDropped(int64_t lines) {
  log_lines_dropped_.Set({{.labels = {}, .value = static_cast<double>(lines)}});
}

std::vector<MetricFamily> StateMetrics::Collect() const {
  std::vector<MetricFamily> families;
  for (const StateFamily* family :
       {&queued_images_, &stage_images_, &stage_credits_, &stage_credit_limit_,
        &backlog_seconds_, &efficient_batch_rows_, &lane_busy_seconds_, &lanes_,
        &loaded_info_, &model_bytes_, &load_seconds_, &ready_,
        &log_lines_dropped_}) {
    for (MetricFamily& one : family->Collect()) {
      families.push_back(std::move(one));
    }
  }
  return families;
}

}  // namespace cascade
