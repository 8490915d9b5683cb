#pragma once

#include <array>
#include <functional>
#include <map>
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
#include "server/base/mutex.h"
#include "server/job/picture_encoder.h"
#include "server/metrics/metrics.h"
#include "server/scheduler/admission.h"
#include "server/scheduler/cascade_table.h"
#include "server/scheduler/effects.h"
#include "server/scheduler/fair_share.h"
#include "server/scheduler/forecast_margin.h"
#include "server/scheduler/generator.h"
#include "server/scheduler/image_board.h"
#include "server/scheduler/lane_view.h"
#include "server/scheduler/lane_work.h"
#include "server/scheduler/scheduler_snapshot.h"
#include "server/scheduler/served_cascade.h"
#include "server/scheduler/step_policy.h"

namespace cascade {

// Which policy forms the batches.
enum class StepPolicyKind {
  kStep,          // Images join and leave between any two steps.
  kWholeRequest,  // What other servers do; kept for comparison.
};

// Owns the jobs and decides, under one lock, what each lane does next. Touches
// no device: lanes ask for a plan, run it and report.
//
// RPCs submit and cancel; lanes take plans. What has to happen because of a
// decision (events, metrics) is collected under the lock and done
// after it, on the calling thread.
//
// scheduler.cc has what lanes ask for and tell, scheduler_admission.cc how
// requests become jobs, scheduler_cascades.cc the versions that are served, and
// scheduler_ends.cc how jobs, lanes and all of it end.
//
// States: serving -> draining -> shut down. Thread-safe.
class Scheduler : public Generator, public LaneWork {
 public:
  struct Options {
    int num_lanes = 1;
    // By lane, for the metrics; those that are not told have "cpu".
    std::vector<std::string> lane_devices = {};
    int max_images_per_request = 64;
    TenantTable tenants;
    StepPolicyKind policy = StepPolicyKind::kStep;
    // A priority that has had no step for this long gets one.
    absl::Duration priority_ageing = absl::Seconds(5);
    // Memory of a step beside the slots at most; 0: as its batch needs.
    int64_t max_step_bytes = 0;
    // Images that may wait before a stage or be on their way to it; 0: a batch
    // of each lane of both stages.
    int inbox_capacity = 0;
  };
  // All of them outlive the scheduler.
  struct Collaborators {
    const Clock& clock;
    const PictureEncoder& encoder;
    Executor& encoding;  // Where streams encode and call their readers.
    Metrics& metrics;
    // Called when a lane has lost its device, on the lane's thread. May be
    // empty.
    std::function<void(const absl::Status&)> on_device_lost = nullptr;
  };

  // Serves nothing until a cascade is added.
  Scheduler(const Options& options, const Collaborators& collaborators);
  // No lane may be inside NextPlan() or StepDone().
  ~Scheduler() override;

  // Serves a version from now on. The version that had its name, if any, gets
  // no new jobs and goes when its last job has ended. `id` is the caller's, and
  // new; the lanes have the executors already.
  void AddCascade(CascadeId id, ServedCascade cascade)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Frees a name: its version gets no new jobs, and what was admitted goes on.
  // Returns the version. NOT_FOUND.
  absl::StatusOr<CascadeId> RetireCascade(const std::string& name)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Blocks until a version that was replaced or retired has no job and is in no
  // plan of a lane, and forgets it: its executors may go. False when that took
  // until `deadline`, by the machine's clock.
  bool WaitUntilGone(CascadeId id, absl::Time deadline)
      ABSL_LOCKS_EXCLUDED(mutex_);

  absl::StatusOr<std::shared_ptr<const CascadeSpec>> FindCascade(
      std::string_view name) const override;
  std::vector<std::shared_ptr<const CascadeSpec>> ListCascades() const override;
  absl::StatusOr<Admitted> Submit(GenerationRequest request) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status CheckRoom(const std::string& cascade, const std::string& tenant,
                         int image_count) const override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Cancel(JobId id, absl::Status reason) override
      ABSL_LOCKS_EXCLUDED(mutex_);

  std::optional<StepPlan> NextPlan(int lane) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The same, but none when there is nothing to do now: for lanes without a
  // thread, in tests.
  std::optional<StepPlan> TryNextPlan(int lane) ABSL_LOCKS_EXCLUDED(mutex_);
  void StepDone(int lane, StepReport report) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void LaneLost(int lane, absl::Status why) override
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Refuses new jobs from now on; what was admitted goes on.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

  // Blocks until no job is left, or until `deadline` by the machine's clock.
  // Returns whether none is left. Call it after Drain().
  bool WaitUntilIdle(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends what is left with UNAVAILABLE and the lanes with it. Idempotent.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

  // How long the lane that has been at its plan for longest has been at it.
  // Zero: no lane has one.
  absl::Duration LongestPlan() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Tells the metrics' state what there is to do at which stage, and how busy
  // the lanes have been: call it before that is read.
  void ReportLoad() ABSL_LOCKS_EXCLUDED(mutex_);

  // For tests: scheduler_invariants.h holds over it at any time.
  SchedulerSnapshot Snapshot() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  enum class State { kServing, kDrainingJobs, kEnded };

  struct Lane {
    CondVar wake;
    bool idle = false;         // Waits for `wake`.
    bool woken = false;        // Has been told, and has not asked yet.
    bool has_stepped = false;  // Since it asked last.
    // The plan that it is at.
    std::set<CascadeId> in_plan;  // Empty: none.
    StageId stage;
    int rows = 0;
    std::array<bool, kNumPriorities> priorities = {};  // Of its images.
    absl::Time plan_since;
    // Wall time in plans, before this one.
    absl::Duration busy;
    bool is_lost = false;  // Its device is.
  };
  // A version that the board knows.
  struct Presence {
    CascadeTable::Version version;
    bool retired = false;
    absl::Status lost;  // Why no lane can run it; OK: they can.
    // Admitted and not yet on the board.
    int arriving_jobs = 0;
    int arriving_images = 0;
  };
  // A job at the door.
  struct Arrival {
    CascadeTable::Version version;
    int tenant = 0;
    int image_count = 0;
    int position = 0;
    std::vector<int> max_rows;  // By stage: of a step on any lane.
  };

  absl::StatusOr<Admitted> TrySubmit(GenerationRequest request)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Keeps a place for a request that the bounds admit.
  absl::StatusOr<Arrival> Reserve(const GenerationRequest& request)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The bounds of the version's queue and of the tenant; ABORTED when the
  // version is not served any more.
  absl::Status CheckRoomLocked(const CascadeVersion& version, int tenant,
                               int image_count) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Images of a version that have not begun.
  int QueuedLocked(CascadeId id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveUpReservation(const Arrival& arrival) ABSL_LOCKS_EXCLUDED(mutex_);
  // Compiles the request, and takes off what its deadline does not leave time
  // for.
  absl::StatusOr<std::unique_ptr<Job>> Prepare(GenerationRequest request,
                                               const Arrival& arrival,
                                               QueuedEvent& queued)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Gives an admitted job its first event and puts it on the board.
  Admitted Enter(std::unique_ptr<Job> job, const Arrival& arrival,
                 const QueuedEvent& queued) ABSL_LOCKS_EXCLUDED(mutex_);
  // By FairShare's index.
  std::vector<std::string> TenantNames() const ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsGoneLocked(CascadeId id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RetireLocked(CascadeId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Ends or shortens the jobs whose deadline can no longer be met, whether
  // lanes ask for plans or not.
  void ExpireDeadlines() ABSL_LOCKS_EXCLUDED(mutex_);
  void ExpireLocked(absl::Time now, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveUpLocked(Job& job, absl::Time now, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WatchDeadlineLocked(Job& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Fits the stages above the one that an image of a best-effort job has
  // finished into the time that is left.
  void RefitLocked(Job& job, int first_stage, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndJobLocked(Job& job, absl::Status status, absl::Time now,
                    Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void EndJobsLocked(CascadeId cascade, const absl::Status& status,
                     absl::Time now, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::optional<StepPlan> TakePlan(int lane, bool waits)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Blocks an idle lane.
  void WaitLocked(Lane& lane, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The time of a decision, which never goes back.
  absl::Time AdvanceLocked(absl::Time read)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<StepPlan> DecideLocked(int lane, absl::Time now,
                                       Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Sets the lane's images of the choice moving, and says how.
  StepPlan PlanLocked(int lane, const StepChoice& choice, absl::Time now,
                      Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NotePlanLocked(Lane& lane, const StepPlan& plan, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The lane is done with its plan, if it has one.
  static void LeavePlan(Lane& lane, absl::Time now);
  Ranking RankingLocked(absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  ForecastMargin& MarginLocked(const Job& job)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What the end of a job tells of its forecast.
  void LearnLocked(const Job& job, const absl::Status& end, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What a step tells of its stage.
  void LearnLocked(int lane, const StepReport& report)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SettleLocked(ImageReport& report, absl::Time now, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SettleParkLocked(ParkReport& report, absl::Time now, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FinishStageLocked(Image& image,
                         std::shared_ptr<const StageOutput> output,
                         absl::Time now, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Wakes idle lanes, as many as there are ready images, lowest first.
  void WakeLanesLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // By lane: it has nothing to do.
  std::vector<bool> IdleLanesLocked() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // By version and stage.
  std::vector<StageState> StageStatesLocked() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<LaneState> LaneStatesLocked(absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // In builds with assertions: that the invariants hold.
  void CheckLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after construction.
  const Options options_;
  const Collaborators use_;

  // Own synchronization.
  EffectRunner runner_;
  CascadeTable table_;

  mutable Mutex mutex_;
  // Signalled when a job, a plan or a reservation ends.
  CondVar changed_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kServing;
  ImageBoard board_ ABSL_GUARDED_BY(mutex_);
  FairShare tenants_ ABSL_GUARDED_BY(mutex_);
  // By priority.
  std::array<ForecastMargin, kNumPriorities> margins_ ABSL_GUARDED_BY(mutex_);
  absl::Time time_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::vector<Lane> lanes_ ABSL_GUARDED_BY(mutex_);
  std::map<CascadeId, Presence> presences_ ABSL_GUARDED_BY(mutex_);
  // When a job that has a deadline may have to be given up; earliest first.
  std::set<std::pair<absl::Time, JobId>> deadlines_ ABSL_GUARDED_BY(mutex_);
  // By priority: live jobs, and when an image of it last had a step (or, if
  // none had since there are jobs, when the first of them came).
  std::array<int, kNumPriorities> jobs_of_ ABSL_GUARDED_BY(mutex_) = {};
  std::array<absl::Time, kNumPriorities> last_step_
      ABSL_GUARDED_BY(mutex_) = {};
  JobId next_job_ ABSL_GUARDED_BY(mutex_) = 1;
  int live_jobs_ ABSL_GUARDED_BY(mutex_) = 0;  // Not ended.
};

}  // namespace cascade
