#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/job/event_stream.h"
#include "server/job/job_summary.h"
#include "server/metrics/metrics.h"
#include "server/scheduler/job.h"
#include "server/scheduler/step_plan.h"

namespace cascade {

// What jobs end with when the server does.
absl::Status ShutDownError();

// The end of a job: what its stream and the metrics are to be told.
struct JobEnd {
  std::shared_ptr<EventStream> events;
  absl::Status status;
  FinishedEvent finished;
  JobSummary summary;
  std::string cascade;
  int images = 0;
};

// An image that entered or left a stage, or was given up in it.
struct StagePassage {
  StageMetrics* stage = nullptr;
  std::optional<absl::Duration> waited = std::nullopt;
  std::optional<absl::Duration> ran = std::nullopt;
  std::optional<absl::Duration> wasted = std::nullopt;
  std::optional<absl::Duration> saved = std::nullopt;
  // Why its job ended without it.
  std::optional<absl::StatusCode> ended = std::nullopt;
  bool parked = false;
};

// Device time that a tenant had of a cascade.
struct TenantCharge {
  TenantMetrics* tenant = nullptr;
  absl::Duration device_time;
};

// What decisions entail: collected under the Scheduler's lock, done after it.
struct Effects {
  std::vector<JobEnd> ends;
  std::vector<StagePassage> passages;
  std::vector<TenantCharge> charges;

  bool empty() const {
    return ends.empty() && passages.empty() && charges.empty();
  }

  // Adds the end of `job`, which ran on the account of `tenant`, with the
  // device time of its unfinished images as waste.
  void AddEnd(const Job& job, const std::string& tenant, absl::Status status,
              absl::Time now);
};

// Does effects: tells streams and metrics. Logs nothing: a request's RPC writes
// its line. Thread-safe.
class EffectRunner {
 public:
  // `metrics` outlives the runner.
  explicit EffectRunner(Metrics& metrics) : metrics_(metrics) {}

  void Run(Effects effects);

  // A request was refused at the door. `cascade` is empty for one that is not
  // loaded: names that clients make up would be labels without end.
  void ReportRefusal(const std::string& cascade, const absl::Status& status);

 private:
  // Constant after construction.
  Metrics& metrics_;
};

}  // namespace cascade
