#pragma once

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"
#include "server/base/mutex.h"
#include "server/metrics/metrics.h"
#include "server/pipeline/stage_runner.h"
#include "server/scheduler/lane_work.h"

namespace cascade {

// One worker thread on one device, with an executor for each stage that is
// placed on it. Asks for a plan, runs it, reports; never waits for an encoder,
// a socket or a log.
//
// States: made -> running -> ended. A lane whose device is lost says so and
// ends. Executors come and go while it runs. Thread-safe.
class Lane {
 public:
  Lane(int index, std::string device);
  // Joins the thread: its work must have ended, or end soon.
  ~Lane();

  const std::string& device() const { return device_; }

  // Lets the lane run steps of `stage` from now on. Keeps `model`, which made
  // `executor`, as long as that. `metrics` outlives the lane.
  void Add(StageId stage, std::shared_ptr<const CascadeModel> model,
           std::unique_ptr<StageExecutor> executor, StageMetrics& metrics)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Destroys the executors of a cascade. No plan names it any more, but in its
  // releases.
  void Remove(CascadeId cascade) ABSL_LOCKS_EXCLUDED(mutex_);

  // Starts to take plans from `work`, which outlives the lane. Once.
  void Run(LaneWork& work) ABSL_LOCKS_EXCLUDED(mutex_);

  // Blocks until the lane does not run, or until `deadline`. Returns whether it
  // does not, so that the destructor does not wait.
  bool WaitUntilEnded(absl::Time deadline) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // An executor, and what has to outlive it.
  struct Stage {
    Stage(std::shared_ptr<const CascadeModel> maker,
          std::unique_ptr<StageExecutor> executor, StageMetrics& metrics)
        : model(std::move(maker)), runner(std::move(executor), metrics) {}

    std::shared_ptr<const CascadeModel> model;
    StageRunner runner;
  };

  // Until there are no more plans, or the device is lost.
  void RunPlans(LaneWork& work);
  // An error: the device is lost.
  absl::StatusOr<StepReport> RunPlan(const StepPlan& plan);
  // Null: not placed here, or removed.
  std::shared_ptr<Stage> Find(StageId stage) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after construction.
  const int index_;
  const std::string device_;

  mutable Mutex mutex_;
  mutable CondVar ended_;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  // Shared with a plan that is being run.
  std::map<StageId, std::shared_ptr<Stage>> stages_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // Last, so that it sees the rest.
};

}  // namespace cascade
