#pragma once

#include <array>
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
#include "server/metrics/rpc_observer.h"

namespace cascade {

// What is measured of one stage. Made by Metrics::Stage(); cheap enough for
// every step. Thread-safe.
class StageMetrics {
 public:
  // A batch of `rows` network rows took `device_time`.
  void RecordStep(int rows, absl::Duration device_time);
  // An image began its first step, having waited for the stage.
  void RecordWait(absl::Duration waited);
  // An image ran its last step, this long after its first.
  void RecordImage(absl::Duration ran);
  // Device time spent on an image that nobody will see.
  void RecordWaste(absl::Duration device_time);
  // Device time that the end of a job left undone.
  void RecordSaved(absl::Duration device_time);
  // An image lost its slot to one of a higher priority.
  void RecordPark();
  // Images with a slot, images that wait for one, credits in use, and wall time
  // until the stage's lanes have done all that is to come.
  void SetLoad(int active, int waiting, int credits, absl::Duration backlog);

 private:
  friend class Metrics;
  // Batches of up to 1, 2, 4 ... 1024 rows.
  static constexpr int kNumRowBuckets = 11;

  std::array<prometheus::Histogram*, kNumRowBuckets> step_seconds_ = {};
  prometheus::Counter* rows_ = nullptr;
  prometheus::Histogram* wait_seconds_ = nullptr;
  prometheus::Histogram* image_seconds_ = nullptr;
  prometheus::Counter* wasted_seconds_ = nullptr;
  prometheus::Counter* saved_seconds_ = nullptr;
  prometheus::Counter* parks_ = nullptr;
  prometheus::Gauge* active_ = nullptr;
  prometheus::Gauge* waiting_ = nullptr;
  prometheus::Gauge* credits_ = nullptr;
  prometheus::Gauge* backlog_ = nullptr;
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

// Every metric of the server; the table is in metrics.cc. Made once by the
// server and passed to whoever measures. Thread-safe.
class Metrics : public RpcObserver {
 public:
  explicit Metrics(std::string_view build);

  // The metrics of one stage; the same object for the same names, valid as long
  // as this one. Ask at start-up and keep the reference.
  StageMetrics& Stage(const std::string& cascade, const std::string& stage)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Says that a cascade is loaded, with the digest of its package.
  void SetCascade(const std::string& cascade, const std::string& digest);
  // It is so no more.
  void RemoveCascade(const std::string& cascade, const std::string& digest);

  // A job ended, or was refused at the door.
  void RecordJob(const JobOutcome& outcome);
  // A tenant had device time. The names are the configuration's: few.
  void RecordTenant(const std::string& tenant, const std::string& cascade,
                    absl::Duration device_time);
  // Images admitted that have not begun.
  void SetQueueDepth(int images);

  // `method` is its bare name: "GenerateImage".
  void CallStarted(std::string_view method) override;
  void CallEnded(std::string_view method, absl::StatusCode code,
                 std::string_view reason, absl::Duration duration) override;
  void ReaderStalled() override;
  void PreviewsDropped(int64_t count) override;

  // `format` is "png", "jpeg", "webp" or "raw".
  void RecordEncode(const char* format, absl::Duration duration);

  // In Prometheus' text format.
  std::string Text() const;

 private:
  // Own synchronization.
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& jobs_;
  prometheus::Family<prometheus::Counter>& calls_;
  prometheus::Family<prometheus::Gauge>& active_calls_;
  prometheus::Family<prometheus::Histogram>& call_seconds_;
  prometheus::Family<prometheus::Histogram>& encode_seconds_;
  prometheus::Family<prometheus::Histogram>& step_seconds_;
  prometheus::Family<prometheus::Counter>& step_rows_;
  prometheus::Family<prometheus::Histogram>& stage_wait_seconds_;
  prometheus::Family<prometheus::Histogram>& stage_seconds_;
  prometheus::Family<prometheus::Counter>& wasted_seconds_;
  prometheus::Family<prometheus::Counter>& saved_seconds_;
  prometheus::Family<prometheus::Counter>& parks_;
  prometheus::Family<prometheus::Counter>& tenant_seconds_;
  prometheus::Family<prometheus::Gauge>& stage_images_;
  prometheus::Family<prometheus::Gauge>& stage_credits_;
  prometheus::Family<prometheus::Gauge>& backlog_seconds_;
  prometheus::Family<prometheus::Gauge>& cascade_info_;
  prometheus::Counter& images_;
  prometheus::Counter& previews_dropped_;
  prometheus::Counter& reader_stalls_;
  prometheus::Gauge& queue_depth_;
  prometheus::Histogram& queue_seconds_;
  prometheus::Histogram& request_seconds_;

  Mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<StageMetrics>>
      stages_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cascade
