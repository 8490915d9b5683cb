#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "prometheus/collectable.h"
#include "prometheus/labels.h"
#include "prometheus/metric_family.h"
#include "prometheus/metric_type.h"
#include "server/base/mutex.h"

namespace cascade {

// A family whose series are set all at once: what is not set has no series, so
// that nothing is told of what is gone. Thread-safe.
class StateFamily : public prometheus::Collectable {
 public:
  struct Series {
    prometheus::Labels labels;
    double value = 0;
  };

  // A gauge, or a counter that somebody else counts.
  StateFamily(prometheus::MetricType type, std::string name, std::string help)
      : type_(type), name_(std::move(name)), help_(std::move(help)) {}

  // Values of the same labels are added.
  void Set(const std::vector<Series>& series) ABSL_LOCKS_EXCLUDED(mutex_);

  // One family; none while there is no series.
  std::vector<prometheus::MetricFamily> Collect() const override
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const prometheus::MetricType type_;
  const std::string name_;
  const std::string help_;

  mutable Mutex mutex_;
  std::map<prometheus::Labels, double> values_ ABSL_GUARDED_BY(mutex_);
};

// A stage of a version that is served, or was and still has images.
struct StageState {
  std::string cascade;
  std::string stage;
  int active = 0;   // Images with a slot.
  int waiting = 0;  // Images that wait for one.
  // Places of its inbox in use, and all of them; none: it has no inbox.
  int credits = 0;
  std::optional<int> credit_limit = std::nullopt;
  // Wall time until its lanes have done what is at it or will come to it.
  absl::Duration backlog = absl::ZeroDuration();
  // The batch that the policy aims at, if the version gets new jobs.
  std::optional<int> efficient_rows = std::nullopt;
};

struct LaneState {
  int lane = 0;
  std::string device;
  bool works = true;  // Its device is not lost, and it has not ended.
  // Wall time in plans, since it began.
  absl::Duration busy = absl::ZeroDuration();
};

// A version of a cascade that is in memory.
struct CascadeState {
  // Weights and slots of a stage on a device.
  struct Memory {
    std::string stage;
    std::string device;
    int64_t bytes = 0;
  };

  std::string cascade;
  std::string digest;
  bool serves = true;  // It has the name.
  absl::Duration load_time = absl::ZeroDuration();
  std::vector<Memory> memory = {};
};

// What the server is like when it is asked. Whoever knows says so just before,
// or when it changes; each call replaces what was said. Thread-safe.
class StateMetrics : public prometheus::Collectable {
 public:
  StateMetrics();

  void SetQueuedImages(int images);
  void SetStages(const std::vector<StageState>& stages);
  void SetLanes(const std::vector<LaneState>& lanes);
  void SetCascades(const std::vector<CascadeState>& cascades);
  // Requests are taken.
  void SetReady(bool is_ready);
  // Since the process began.
  void SetLogLinesDropped(int64_t lines);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  // Own synchronization.
  StateFamily queued_images_;
  StateFamily stage_images_;
  StateFamily stage_credits_;
  StateFamily stage_credit_limit_;
  StateFamily backlog_seconds_;
  StateFamily efficient_batch_rows_;
  StateFamily lane_busy_seconds_;
  StateFamily lanes_;
  StateFamily loaded_info_;
  StateFamily model_bytes_;
  StateFamily load_seconds_;
  StateFamily ready_;
  StateFamily log_lines_dropped_;
};

}  // namespace cascade
