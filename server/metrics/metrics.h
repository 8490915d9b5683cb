#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "server/base/mutex.h"
#include "server/metrics/process_metrics.h"
#include "server/metrics/rpc_observer.h"
#include "server/metrics/stage_metrics.h"
#include "server/metrics/state_metrics.h"

namespace cascade {

// What a tenant had of a cascade. Made by Metrics::Tenant(); cheap enough for
// every step. Thread-safe.
class TenantMetrics {
 public:
  explicit TenantMetrics(prometheus::Counter& seconds) : seconds_(seconds) {}

  void RecordDeviceTime(absl::Duration device_time) {
    seconds_.Increment(absl::ToDoubleSeconds(device_time));
  }

 private:
  prometheus::Counter& seconds_;
};

// How a job went, for the counters.
struct JobOutcome {
  std::string_view cascade;
  absl::Status status;  // OK, or why it was refused or ended.
  int images = 0;
  // From admission to the first step.
  absl::Duration queued = absl::ZeroDuration();
  // From admission to the end; zero when refused.
  absl::Duration total = absl::ZeroDuration();
};

// Every metric of the server; README.md has the table, and metrics.cc,
// stage_metrics.cc, state_metrics.cc and process_metrics.cc the families. Made
// once by the server and passed to whoever measures. Thread-safe.
class Metrics : public RpcObserver {
 public:
  explicit Metrics(std::string_view build);

  // The metrics of one stage, and of a tenant's use of one cascade; the same
  // object for the same names, valid as long as this one. Ask at load and keep
  // the reference. The tenants are the configuration's: few.
  StageMetrics& Stage(const std::string& cascade, const std::string& stage)
      ABSL_LOCKS_EXCLUDED(mutex_);
  TenantMetrics& Tenant(const std::string& tenant, const std::string& cascade)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Begins the series of a cascade at zero, so that a rate sees the first of
  // its requests.
  void AddCascade(const std::string& cascade);

  // A job ended, or was refused at the door.
  void RecordJob(const JobOutcome& outcome);

  // `method` is its bare name: "GenerateImage".
  void CallStarted(std::string_view method) override;
  void CallEnded(std::string_view method, absl::StatusCode code,
                 std::string_view reason, absl::Duration duration) override;
  void FirstPreviewSent(std::string_view cascade,
                        absl::Duration since_arrival) override;
  void StageImageSent(std::string_view cascade, std::string_view stage,
                      absl::Duration since_arrival) override;
  void ReaderStalled() override;
  void PreviewsDropped(int64_t count) override;

  // `format` is "png", "jpeg", "webp" or "raw".
  void RecordEncode(const char* format, absl::Duration duration);

  // What is asked for instead of counted: tell it before Text().
  StateMetrics& state() { return state_; }

  // In Prometheus' text format.
  std::string Text() const;

 private:
  using Names = std::pair<std::string, std::string>;

  // Own synchronization.
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& jobs_;
  prometheus::Family<prometheus::Counter>& images_;
  prometheus::Family<prometheus::Histogram>& queue_seconds_;
  prometheus::Family<prometheus::Histogram>& request_seconds_;
  prometheus::Family<prometheus::Histogram>& first_preview_seconds_;
  prometheus::Family<prometheus::Counter>& tenant_seconds_;
  prometheus::Family<prometheus::Counter>& calls_;
  prometheus::Family<prometheus::Gauge>& active_calls_;
  prometheus::Family<prometheus::Histogram>& call_seconds_;
  prometheus::Family<prometheus::Histogram>& encode_seconds_;
  prometheus::Counter& previews_dropped_;
  prometheus::Counter& reader_stalls_;
  StageFamilies stage_families_;
  StateMetrics state_;
  const ProcessMetrics process_;

  Mutex mutex_;
  std::map<Names, std::unique_ptr<StageMetrics>> stages_
      ABSL_GUARDED_BY(mutex_);
  std::map<Names, std::unique_ptr<TenantMetrics>> tenants_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace cascade
