#include "server/metrics/metrics.h"

#include <vector>

#include "prometheus/text_serializer.h"
#include "server/base/error_reason.h"
#include "server/metrics/metric_family.h"

namespace cascade {
namespace {

using prometheus::Labels;

Labels JobLabels(std::string_view cascade, const absl::Status& status) {
  return {{"cascade", std::string(cascade)},
          {"outcome", absl::StatusCodeToString(status.code())},
          {"reason", ErrorReason(status)}};
}

Labels OfCascade(std::string_view cascade) {
  return {{"cascade", std::string(cascade)}};
}

Labels OfMethod(std::string_view method) {
  return {{"method", std::string(method)}};
}

}  // namespace

// The table of requests and calls: every family with its name and its help.
Metrics::Metrics(std::string_view build)
    : jobs_(Counters(registry_, "cascade_requests_total",
                     "Requests without a wrong field, by cascade, outcome (a "
                     "status code) and reason (empty for OK), those that the "
                     "door refused included.")),
      images_(Counters(registry_, "cascade_images_total",
                       "Images of the requests that ended well, by cascade.")),
      queue_seconds_(Histograms(registry_, "cascade_queue_seconds",
                                "Time of a request from admission to its first "
                                "step, if it ended well, by cascade.")),
      request_seconds_(Histograms(registry_, "cascade_request_seconds",
                                  "Time of a request from admission to its "
                                  "end, if it ended well, by cascade.")),
      first_preview_seconds_(Histograms(
          registry_, "cascade_first_preview_seconds",
          "Time from a call's arrival to its first preview being handed to "
          "gRPC, by cascade.")),
      tenant_seconds_(Counters(registry_, "cascade_tenant_device_seconds_total",
                               "Device time by tenant and cascade.")),
      calls_(Counters(registry_, "cascade_rpcs_total",
                      "RPCs that ended, by method, code and reason (empty for "
                      "OK).")),
      active_calls_(Gauges(registry_, "cascade_rpcs_active",
                           "RPCs begun and not ended, by method.")),
      call_seconds_(Histograms(registry_, "cascade_rpc_seconds",
                               "Time of an RPC from begin to end, by method.")),
      encode_seconds_(Histograms(registry_, "cascade_encode_seconds",
                                 "Time to encode a picture, by format.")),
      previews_dropped_(Counters(registry_, "cascade_previews_dropped_total",
                                 "Previews that their reader was too slow for.")
                            .Add({})),
      reader_stalls_(Counters(registry_, "cascade_reader_stalls_total",
                              "Calls that were cut off because their reader "
                              "took nothing for too long.")
                         .Add({})),
      stage_families_(registry_) {
  Gauges(registry_, "cascade_build_info", "1, with the build as a label.")
      .Add({{"build", std::string(build)}})
      .Set(1);
}

StageMetrics& Metrics::Stage(const std::string& cascade,
                             const std::string& stage) {
  MutexLock lock(mutex_);
  std::unique_ptr<StageMetrics>& metrics = stages_[{cascade, stage}];
  if (metrics == nullptr) metrics = stage_families_.Make(cascade, stage);
  return *metrics;
}

TenantMetrics& Metrics::Tenant(const std::string& tenant,
                               const std::string& cascade) {
  MutexLock lock(mutex_);
  std::unique_ptr<TenantMetrics>& metrics = tenants_[{tenant, cascade}];
  if (metrics == nullptr) {
    metrics = std::make_unique<TenantMetrics>(
        tenant_seconds_.Add({{"tenant", tenant}, {"cascade", cascade}}));
  }
  return *metrics;
}

void Metrics::AddCascade(const std::string& cascade) {
  const Labels labels = OfCascade(cascade);
  jobs_.Add(JobLabels(cascade, absl::OkStatus()));
  images_.Add(labels);
  queue_seconds_.Add(labels, RequestBuckets());
  request_seconds_.Add(labels, RequestBuckets());
  first_preview_seconds_.Add(labels, RequestBuckets());
}

void Metrics::RecordJob(const JobOutcome& outcome) {
  jobs_.Add(JobLabels(outcome.cascade, outcome.status)).Increment();
  if (!outcome.status.ok()) return;
  const Labels labels = OfCascade(outcome.cascade);
  images_.Add(labels).Increment(outcome.images);
  queue_seconds_.Add(labels, RequestBuckets())
      .Observe(absl::ToDoubleSeconds(outcome.queued));
  request_seconds_.Add(labels, RequestBuckets())
      .Observe(absl::ToDoubleSeconds(outcome.total));
}

void Metrics::CallStarted(std::string_view method) {
  active_calls_.Add(OfMethod(method)).Increment();
}

void Metrics::CallEnded(std::string_view method, absl::StatusCode code,
                        std::string_view reason, absl::Duration duration) {
  const Labels labels = OfMethod(method);
  active_calls_.Add(labels).Decrement();
  call_seconds_.Add(labels, RequestBuckets())
      .Observe(absl::ToDoubleSeconds(duration));
  calls_
      .Add({{"method", std::string(method)},
            {"code", absl::StatusCodeToString(code)},
            {"reason", std::string(reason)}})
      .Increment();
}

void Metrics::FirstPreviewSent(std::string_view cascade,
                               absl::Duration since_arrival) {
  first_preview_seconds_.Add(OfCascade(cascade), RequestBuckets())
      .Observe(absl::ToDoubleSeconds(since_arrival));
}

void Metrics::StageImageSent(std::string_view cascade, std::string_view stage,
                             absl::Duration since_arrival) {
  Stage(std::string(cascade), std::string(stage)).RecordDelivery(since_arrival);
}

void Metrics::ReaderStalled() { reader_stalls_.Increment(); }

void Metrics::PreviewsDropped(int64_t count) {
  previews_dropped_.Increment(static_cast<double>(count));
}

void Metrics::RecordEncode(const char* format, absl::Duration duration) {
  encode_seconds_.Add({{"format", format}}, EncodeBuckets())
      .Observe(absl::ToDoubleSeconds(duration));
}

std::string Metrics::Text() const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  for (const prometheus::Collectable* source :
       {static_cast<const prometheus::Collectable*>(&state_),
        static_cast<const prometheus::Collectable*>(&process_)}) {
    for (prometheus::MetricFamily& family : source->Collect()) {
      families.push_back(std::move(family));
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace cascade
