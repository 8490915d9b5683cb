#include "server/metrics/metrics.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "prometheus/text_serializer.h"
#include "server/base/error_reason.h"

namespace cascade {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

Family<Counter>& Counters(Registry& registry, const char* name,
                          const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

Family<Gauge>& Gauges(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

Family<Histogram>& Histograms(Registry& registry, const char* name,
                              const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

// Upper bounds from `first` seconds, each twice the one before.
Histogram::BucketBoundaries Doubling(double first, int count) {
  Histogram::BucketBoundaries bounds;
  for (int i = 0; i < count; ++i, first *= 2) bounds.push_back(first);
  return bounds;
}

Histogram::BucketBoundaries StepBuckets() { return Doubling(0.00025, 14); }
Histogram::BucketBoundaries WaitBuckets() { return Doubling(0.001, 16); }
Histogram::BucketBoundaries RequestBuckets() { return Doubling(0.01, 14); }

}  // namespace

void StageMetrics::RecordStep(int rows, absl::Duration device_time) {
  const unsigned batch = static_cast<unsigned>(std::max(rows, 1));
  const int bucket =
      std::min(static_cast<int>(std::bit_width(batch - 1)), kNumRowBuckets - 1);
  step_seconds_[static_cast<size_t>(bucket)]->Observe(
      absl::ToDoubleSeconds(device_time));
  rows_->Increment(rows);
}

void StageMetrics::RecordWait(absl::Duration waited) {
  wait_seconds_->Observe(absl::ToDoubleSeconds(waited));
}

void StageMetrics::RecordImage(absl::Duration ran) {
  image_seconds_->Observe(absl::ToDoubleSeconds(ran));
}

void StageMetrics::RecordWaste(absl::Duration device_time) {
  wasted_seconds_->Increment(absl::ToDoubleSeconds(device_time));
}

void StageMetrics::RecordSaved(absl::Duration device_time) {
  saved_seconds_->Increment(absl::ToDoubleSeconds(device_time));
}

void StageMetrics::RecordPark() { parks_->Increment(); }

void StageMetrics::SetLoad(int active, int waiting, int credits,
                           absl::Duration backlog) {
  active_->Set(active);
  waiting_->Set(waiting);
  credits_->Set(credits);
  backlog_->Set(absl::ToDoubleSeconds(backlog));
}

// The table: every metric with its name, its labels and its help.
Metrics::Metrics(std::string_view build)
    : jobs_(Counters(registry_, "cascade_requests_total",
                     "Requests without a wrong field, by cascade, outcome (a "
                     "status code) and reason (empty for OK), those that the "
                     "door refused included.")),
      calls_(Counters(registry_, "cascade_rpcs_total",
                      "RPCs that ended, by method, code and reason (empty for "
                      "OK).")),
      active_calls_(Gauges(registry_, "cascade_rpcs_active",
                           "RPCs begun and not ended, by method.")),
      call_seconds_(Histograms(registry_, "cascade_rpc_seconds",
                               "Time of an RPC from begin to end, by method.")),
      encode_seconds_(Histograms(registry_, "cascade_encode_seconds",
                                 "Time to encode a picture, by format.")),
      step_seconds_(Histograms(
          registry_, "cascade_step_seconds",
          "Device time of a step, by cascade, stage and batch (at most this "
          "many network rows: 1, 2, 4 ...).")),
      step_rows_(Counters(registry_, "cascade_step_rows_total",
                          "Network rows computed, by cascade and stage.")),
      stage_wait_seconds_(
          Histograms(registry_, "cascade_stage_wait_seconds",
                     "Time of an image from ready for a stage to its first "
                     "step in it, by cascade and stage.")),
      stage_seconds_(Histograms(registry_, "cascade_stage_seconds",
                                "Time of an image from its first step in a "
                                "stage to its last, by cascade and stage.")),
      wasted_seconds_(Counters(
          registry_, "cascade_wasted_device_seconds_total",
          "Device time spent on images that were cancelled or failed, by "
          "cascade and stage.")),
      saved_seconds_(Counters(
          registry_, "cascade_saved_device_seconds_total",
          "Device time, as predicted, that requests which ended early left "
          "undone, by cascade and stage.")),
      parks_(Counters(registry_, "cascade_parks_total",
                      "Images that lost their slot to one of a higher "
                      "priority, and went on later, by cascade and stage.")),
      tenant_seconds_(Counters(registry_, "cascade_tenant_device_seconds_total",
                               "Device time by tenant and cascade.")),
      stage_images_(Gauges(registry_, "cascade_stage_images",
                           "Images by cascade, stage and state: active (has a "
                           "slot) or waiting.")),
      stage_credits_(Gauges(registry_, "cascade_stage_credits",
                            "Images that wait before a stage or are on their "
                            "way to it, by cascade and stage.")),
      backlog_seconds_(Gauges(registry_, "cascade_backlog_seconds",
                              "Time until a stage's lanes have done what has "
                              "been admitted, by cascade and stage.")),
      cascade_info_(Gauges(registry_, "cascade_loaded_info",
                           "1 for each loaded cascade, by name and digest.")),
      images_(Counters(registry_, "cascade_images_total",
                       "Images of requests that ended well.")
                  .Add({})),
      previews_dropped_(Counters(registry_, "cascade_previews_dropped_total",
                                 "Previews replaced before their reader took "
                                 "them.")
                            .Add({})),
      reader_stalls_(Counters(registry_, "cascade_reader_stalls_total",
                              "Streams cut off because their reader took "
                              "nothing for too long.")
                         .Add({})),
      queue_depth_(Gauges(registry_, "cascade_queued_images",
                          "Images admitted that have not begun.")
                       .Add({})),
      queue_seconds_(Histograms(registry_, "cascade_queue_seconds",
                                "Time of a request from admission to its first "
                                "step.")
                         .Add({}, WaitBuckets())),
      request_seconds_(Histograms(registry_, "cascade_request_seconds",
                                  "Time of a request from admission to its "
                                  "end, if it ended well.")
                           .Add({}, RequestBuckets())) {
  Gauges(registry_, "cascade_build_info", "1, with the build as a label.")
      .Add({{"build", std::string(build)}})
      .Set(1);
}

StageMetrics& Metrics::Stage(const std::string& cascade,
                             const std::string& stage) {
  MutexLock lock(mutex_);
  std::unique_ptr<StageMetrics>& metrics = stages_[{cascade, stage}];
  if (metrics != nullptr) return *metrics;
  metrics = std::make_unique<StageMetrics>();
  const prometheus::Labels labels = {{"cascade", cascade}, {"stage", stage}};
  const auto with = [&labels](const char* name, std::string value) {
    prometheus::Labels more = labels;
    more.emplace(name, std::move(value));
    return more;
  };
  for (int i = 0; i < StageMetrics::kNumRowBuckets; ++i) {
    metrics->step_seconds_[static_cast<size_t>(i)] = &step_seconds_.Add(
        with("batch", std::to_string(1 << i)), StepBuckets());
  }
  metrics->rows_ = &step_rows_.Add(labels);
  metrics->wait_seconds_ = &stage_wait_seconds_.Add(labels, WaitBuckets());
  metrics->image_seconds_ = &stage_seconds_.Add(labels, WaitBuckets());
  metrics->wasted_seconds_ = &wasted_seconds_.Add(labels);
  metrics->saved_seconds_ = &saved_seconds_.Add(labels);
  metrics->parks_ = &parks_.Add(labels);
  metrics->credits_ = &stage_credits_.Add(labels);
  metrics->backlog_ = &backlog_seconds_.Add(labels);
  metrics->active_ = &stage_images_.Add(with("state", "active"));
  metrics->waiting_ = &stage_images_.Add(with("state", "waiting"));
  return *metrics;
}

void Metrics::SetCascade(const std::string& cascade,
                         const std::string& digest) {
  cascade_info_.Add({{"cascade", cascade}, {"digest", digest}}).Set(1);
}

void Metrics::RemoveCascade(const std::string& cascade,
                            const std::string& digest) {
  cascade_info_.Remove(
      &cascade_info_.Add({{"cascade", cascade}, {"digest", digest}}));
}

void Metrics::RecordJob(const JobOutcome& outcome) {
  jobs_
      .Add({{"cascade", std::string(outcome.cascade)},
            {"outcome", absl::StatusCodeToString(outcome.status.code())},
            {"reason", ErrorReason(outcome.status)}})
      .Increment();
  if (!outcome.status.ok()) return;
  images_.Increment(outcome.images);
  queue_seconds_.Observe(absl::ToDoubleSeconds(outcome.queued));
  request_seconds_.Observe(absl::ToDoubleSeconds(outcome.total));
}

void Metrics::RecordTenant(const std::string& tenant,
                           const std::string& cascade,
                           absl::Duration device_time) {
  tenant_seconds_.Add({{"tenant", tenant}, {"cascade", cascade}})
      .Increment(absl::ToDoubleSeconds(device_time));
}

void Metrics::SetQueueDepth(int images) { queue_depth_.Set(images); }

void Metrics::CallStarted(std::string_view method) {
  active_calls_.Add({{"method", std::string(method)}}).Increment();
}

void Metrics::CallEnded(std::string_view method, absl::StatusCode code,
                        std::string_view reason, absl::Duration duration) {
  const prometheus::Labels labels = {{"method", std::string(method)}};
  active_calls_.Add(labels).Decrement();
  call_seconds_.Add(labels, RequestBuckets())
      .Observe(absl::ToDoubleSeconds(duration));
  calls_
      .Add({{"method", std::string(method)},
            {"code", absl::StatusCodeToString(code)},
            {"reason", std::string(reason)}})
      .Increment();
}

void Metrics::ReaderStalled() { reader_stalls_.Increment(); }

void Metrics::PreviewsDropped(int64_t count) {
  previews_dropped_.Increment(static_cast<double>(count));
}

void Metrics::RecordEncode(const char* format, absl::Duration duration) {
  encode_seconds_.Add({{"format", format}}, Doubling(0.0001, 14))
      .Observe(absl::ToDoubleSeconds(duration));
}

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace cascade
