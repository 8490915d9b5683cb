#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "models/stage_executor.h"
#include "models/stage_spec.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/logging.h"
#include "server/base/mutex.h"
#include "server/job/picture_encoder.h"
#include "server/metrics/metrics.h"
#include "server/scheduler/admission.h"
#include "server/scheduler/effects.h"
#include "server/scheduler/generator.h"
#include "server/scheduler/image_board.h"
#include "server/scheduler/lane_work.h"
#include "server/scheduler/scheduler_snapshot.h"
#include "server/scheduler/step_policy.h"

namespace cascade {

// A loaded cascade, and what each lane's executors of its stages can take.
struct ServedCascade {
  std::shared_ptr<const CascadeSpec> spec;
  std::vector<ExecutorLimits> limits;  // By stage.
};

// Owns the jobs and decides, under one lock, what each lane does next. Touches
// no device: lanes ask for a plan, run it and report.
//
// RPCs submit and cancel; lanes take plans. What has to happen because of a
// decision (events, metrics, log lines) is collected under the lock and done
// after it, on the calling thread.
//
// States: serving -> draining -> shut down. Thread-safe.
class Scheduler : public Generator, public LaneWork {
 public:
  struct Options {
    AdmissionLimits admission;
    // Images that have begun and are not done, at most; 0: as many as the slots
    // of one stage on all lanes.
    int max_images_in_flight = 0;
    int num_lanes = 1;
  };
  // All of them outlive the scheduler.
  struct Collaborators {
    const Clock& clock;
    const PictureEncoder& encoder;
    Executor& encoding;  // Where streams encode and call their readers.
    Metrics& metrics;
    Logger& logger;
  };

  Scheduler(const Options& options, std::vector<ServedCascade> cascades,
            const Collaborators& collaborators);
  // No lane may be inside NextPlan() or StepDone().
  ~Scheduler() override;

  absl::StatusOr<std::shared_ptr<const CascadeSpec>> FindCascade(
      std::string_view name) const override;
  std::vector<std::shared_ptr<const CascadeSpec>> ListCascades() const override;
  absl::StatusOr<Admitted> Submit(GenerationRequest request) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Cancel(JobId id, absl::Status reason) override
      ABSL_LOCKS_EXCLUDED(mutex_);

  std::optional<StepPlan> NextPlan(int lane) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void StepDone(int lane, StepReport report) override
      ABSL_LOCKS_EXCLUDED(mutex_);

  void LaneLost(int lane, absl::Status why) override;

  // Refuses new jobs from now on; what was admitted goes on.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

  // Blocks until no job is left, or until `deadline` by the machine's clock.
  // Returns whether none is left. Call it after Drain().
  bool WaitUntilIdle(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends what is left with UNAVAILABLE and the lanes with it. Idempotent.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

  // Sets the gauges: call it before they are read.
  void ReportLoad() ABSL_LOCKS_EXCLUDED(mutex_);

  // For tests: scheduler_invariants.h holds over it at any time.
  SchedulerSnapshot Snapshot() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  enum class State { kServing, kDraining, kShutDown };

  struct Lane {
    CondVar wake;
    bool idle = false;   // Waits for `wake`.
    bool woken = false;  // Has been told, and has not asked yet.
  };

  absl::StatusOr<int> CascadeIndex(std::string_view name) const;
  absl::StatusOr<Admitted> TrySubmit(GenerationRequest request)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Gives an admitted job its first event and puts it on the board.
  Admitted Enter(std::unique_ptr<Job> job, int position)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the jobs whose deadline has passed.
  void ExpireLocked(absl::Time now, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndJobLocked(Job& job, absl::Status status, absl::Time now,
                    Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<StepPlan> DecideLocked(int lane, absl::Time now,
                                       Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SettleLocked(ImageReport& report, absl::Time now, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FinishStageLocked(Image& image,
                         std::shared_ptr<const StageOutput> output,
                         absl::Time now, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Sets the lane's images of the choice moving, and says how.
  StepPlan PlanLocked(int lane, const StepChoice& choice, absl::Time now,
                      Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Wakes as many idle lanes as there are ready images, lowest first.
  void WakeLanesLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Lanes beside `lane` that have nothing to do.
  int IdleLanesLocked(int lane) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  AdmissionLoad LoadLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after construction.
  const AdmissionLimits admission_;
  const std::vector<ServedCascade> cascades_;
  const int max_images_in_flight_;
  const Collaborators use_;

  // Own synchronization.
  EffectRunner runner_;

  mutable Mutex mutex_;
  CondVar became_idle_;  // Signalled when the last job ends.
  State state_ ABSL_GUARDED_BY(mutex_) = State::kServing;
  ImageBoard board_ ABSL_GUARDED_BY(mutex_);
  std::vector<Lane> lanes_ ABSL_GUARDED_BY(mutex_);
  // Of the jobs that have one and have not ended; earliest first.
  std::set<std::pair<absl::Time, JobId>> deadlines_ ABSL_GUARDED_BY(mutex_);
  JobId next_job_ ABSL_GUARDED_BY(mutex_) = 1;
  int live_jobs_ ABSL_GUARDED_BY(mutex_) = 0;  // Not ended.
  // Images of jobs that are admitted and not yet on the board.
  int arriving_images_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cascade
