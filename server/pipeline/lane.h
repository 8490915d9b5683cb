#pragma once

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/cascade_model.h"
#include "server/base/mutex.h"
#include "server/metrics/metrics.h"
#include "server/pipeline/stage_runner.h"
#include "server/scheduler/lane_work.h"

namespace cascade {

// One worker thread with an executor for every stage of every cascade. Asks for
// a plan, runs it, reports; never waits for an encoder, a socket or a log.
//
// States: making executors -> ready -> running -> ended. The executors live and
// die on the lane's thread.
class Lane {
 public:
  // Starts the thread and makes the executors; blocks until they are made.
  // `models` and `metrics` outlive the lane.
  static absl::StatusOr<std::unique_ptr<Lane>> Create(
      int index, std::vector<const CascadeModel*> models, Metrics& metrics);
  // Joins the thread. If the lane runs, its work must have ended, or end soon.
  ~Lane();

  // By cascade and stage. Constant once created.
  const std::vector<std::vector<ExecutorLimits>>& limits() const {
    return limits_;
  }

  // Starts to take plans from `work`, which outlives the lane. Once.
  void Run(LaneWork& work) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // By cascade and stage.
  using Runners = std::vector<std::vector<std::unique_ptr<StageRunner>>>;

  Lane(int index, std::vector<const CascadeModel*> models, Metrics& metrics);

  void ThreadMain() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Runners> MakeRunners() const;
  absl::Status WaitUntilMade() ABSL_LOCKS_EXCLUDED(mutex_);
  // None: the lane is to end without having run.
  LaneWork* WaitForWork() ABSL_LOCKS_EXCLUDED(mutex_);
  void RunPlans(LaneWork& work, const Runners& runners) const;

  // Constant after construction.
  const int index_;
  const std::vector<const CascadeModel*> models_;
  Metrics& metrics_;

  // Written by the thread before it says that it is made, constant afterwards.
  std::vector<std::vector<ExecutorLimits>> limits_;

  Mutex mutex_;
  CondVar changed_;
  std::optional<absl::Status> made_ ABSL_GUARDED_BY(mutex_);
  LaneWork* work_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // Last, so that it sees the rest.
};

}  // namespace cascade
