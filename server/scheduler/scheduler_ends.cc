// The end of jobs, of lanes and of the Scheduler, and what it tells of itself.

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"
#include "server/scheduler/job_costs.h"
#include "server/scheduler/scheduler.h"

namespace cascade {
namespace {

absl::Status DeviceLost(const absl::Status& why) {
  return ErrorWithReason(absl::StatusCode::kUnavailable, kDeviceLost,
                         absl::StrCat("the server lost the device that the "
                                      "request ran on: ",
                                      why.message()));
}

}  // namespace

void Scheduler::Cancel(JobId id, absl::Status reason) {
  if (reason.ok()) reason = absl::CancelledError("cancelled");
  const absl::Time now = use_.clock.Now();
  Effects effects;
  {
    MutexLock lock(mutex_);
    Job* job = board_.Find(id);
    if (job == nullptr || job->ended) return;
    EndJobLocked(*job, std::move(reason), now, effects);
    WakeLanesLocked();  // Others may begin in its place.
    CheckLocked();
  }
  runner_.Run(std::move(effects));
}

void Scheduler::EndJobLocked(Job& job, absl::Status status, absl::Time now,
                             Effects& effects) {
  job.ended = true;
  job.ended_flag->store(true);
  deadlines_.erase({job.hopeless_at, job.id});
  tenants_.End(job.tenant, job.request.image_count);
  --jobs_of_[static_cast<size_t>(job.priority())];
  LearnLocked(job, status, now);
  effects.AddEnd(job, tenants_.name(job.tenant), std::move(status), now);
  const absl::Status& end = effects.ends.back().status;
  for (const Image& image : job.images) {
    if (image.finished || image.place == ImagePlace::kGone) continue;
    StagePassage& passage = effects.passages.emplace_back();
    passage.stage = job.metrics_of(image.stage);
    // What ends well without an image was cut short by its deadline.
    passage.ended = end.ok() ? absl::StatusCode::kDeadlineExceeded : end.code();
    if (!end.ok()) passage.saved = board_.PathWork(image);
  }
  if (--live_jobs_ == 0) changed_.SignalAll();
  board_.Evict(job);  // May destroy it.
}

void Scheduler::EndJobsLocked(CascadeId cascade, const absl::Status& status,
                              absl::Time now, Effects& effects) {
  std::vector<Job*> jobs;
  for (const auto& [id, job] : board_.jobs()) {
    if (job->cascade == cascade && !job->ended) jobs.push_back(job.get());
  }
  for (Job* job : jobs) EndJobLocked(*job, status, now, effects);
}

void Scheduler::Drain() {
  MutexLock lock(mutex_);
  if (state_ == State::kServing) state_ = State::kDrainingJobs;
}

bool Scheduler::WaitUntilIdle(absl::Time deadline) {
  MutexLock lock(mutex_);
  while (live_jobs_ > 0) {
    if (!changed_.WaitUntil(mutex_, deadline)) return live_jobs_ == 0;
  }
  return true;
}

void Scheduler::Shutdown() {
  const absl::Time now = use_.clock.Now();
  Effects effects;
  {
    MutexLock lock(mutex_);
    state_ = State::kEnded;
    for (const auto& [cascade, presence] : presences_) {
      EndJobsLocked(cascade, ShutDownError(), now, effects);
    }
    for (Lane& lane : lanes_) {
      lane.idle = false;
      lane.wake.Signal();
    }
    changed_.SignalAll();
  }
  runner_.Run(std::move(effects));
}

void Scheduler::LaneLost(int lane, absl::Status why) {
  const absl::Time now = use_.clock.Now();
  Effects effects;
  {
    MutexLock lock(mutex_);
    Lane& self = lanes_[static_cast<size_t>(lane)];
    LeavePlan(self, std::max(now, self.plan_since));
    self.is_lost = true;
    std::set<JobId> jobs;
    for (const ImageId image : board_.ImagesOf(lane)) jobs.insert(image.job);
    const std::set<StageId> stages = board_.table().stages_of(lane);
    for (const JobId id : jobs) {
      Job& job = *board_.Find(id);
      if (!job.ended) EndJobLocked(job, DeviceLost(why), now, effects);
    }
    board_.LoseLane(lane);
    // Nobody runs these any more.
    for (const StageId stage : stages) {
      if (board_.table().lanes_of(stage) > 0) continue;
      presences_.at(stage.cascade).lost = DeviceLost(why);
      EndJobsLocked(stage.cascade, DeviceLost(why), now, effects);
    }
    changed_.SignalAll();
    WakeLanesLocked();
    CheckLocked();
  }
  runner_.Run(std::move(effects));
  if (use_.on_device_lost) use_.on_device_lost(why);
}

absl::Duration Scheduler::LongestPlan() const {
  const absl::Time now = use_.clock.Now();
  absl::Duration longest;
  MutexLock lock(mutex_);
  for (const Lane& lane : lanes_) {
    if (!lane.in_plan.empty()) {
      longest = std::max(longest, now - lane.plan_since);
    }
  }
  return longest;
}

void Scheduler::ReportLoad() {
  ExpireDeadlines();
  const absl::Time read = use_.clock.Now();
  int queued = 0;
  std::vector<StageState> stages;
  std::vector<LaneState> lanes;
  {
    MutexLock lock(mutex_);
    queued = board_.queued();
    stages = StageStatesLocked();
    lanes = LaneStatesLocked(AdvanceLocked(read));
  }
  StateMetrics& state = use_.metrics.state();
  state.SetQueuedImages(queued);
  state.SetStages(stages);
  state.SetLanes(lanes);
}

std::vector<StageState> Scheduler::StageStatesLocked() const {
  // Who gets the new jobs of each cascade: for a moment there may be two.
  std::map<std::string, CascadeId> latest;
  for (const auto& [id, presence] : presences_) {
    if (!presence.retired) latest[presence.version->spec().name] = id;
  }
  std::vector<StageState> states;
  for (const auto& [id, presence] : presences_) {
    const CascadeSpec& spec = presence.version->spec();
    const std::vector<StageLoad> loads =
        StageLoads(board_, id, spec.stages.size());
    for (size_t k = 0; k < loads.size(); ++k) {
      StageState& state = states.emplace_back();
      state.cascade = spec.name;
      state.stage = spec.stages[k].name;
      state.active = loads[k].active;
      state.waiting = loads[k].waiting;
      state.credits = loads[k].credits;
      state.backlog = loads[k].backlog;
      const StageId stage = {id, static_cast<int>(k)};
      if (k > 0) state.credit_limit = board_.InboxLimit(stage);
      if (!presence.retired && latest.at(spec.name) == id) {
        state.efficient_rows = board_.table().preferred_rows(stage);
      }
    }
  }
  return states;
}

std::vector<LaneState> Scheduler::LaneStatesLocked(absl::Time now) const {
  std::vector<LaneState> states;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    const Lane& lane = lanes_[i];
    LaneState& state = states.emplace_back();
    state.lane = static_cast<int>(i);
    state.device = i < options_.lane_devices.size() ? options_.lane_devices[i]
                                                    : std::string("cpu");
    state.works = !lane.is_lost && state_ != State::kEnded;
    state.busy = lane.busy;
    if (!lane.in_plan.empty()) state.busy += now - lane.plan_since;
  }
  return states;
}

SchedulerSnapshot Scheduler::Snapshot() const {
  MutexLock lock(mutex_);
  return board_.Snapshot();
}

}  // namespace cascade
