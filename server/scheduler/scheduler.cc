#include "server/scheduler/scheduler.h"

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/error_reason.h"
#include "server/scheduler/job_costs.h"
#include "server/scheduler/lane_view.h"
#include "server/scheduler/request_policy.h"
#include "server/scheduler/scheduler_invariants.h"

namespace cascade {
namespace {

absl::Status DeviceLost(const absl::Status& why) {
  return ErrorWithReason(absl::StatusCode::kUnavailable, kDeviceLost,
                         absl::StrCat("the server lost the device that the "
                                      "request ran on: ",
                                      why.message()));
}

absl::Status ParkFailed(const absl::Status& why) {
  return ErrorWithReason(
      absl::StatusCode::kInternal, kStepFailed,
      absl::StrCat("an image that made room for another one was lost: ",
                   why.message()));
}

StageMetrics* MetricsOf(const Job& job, int stage) {
  return job.version->metrics[static_cast<size_t>(stage)];
}

}  // namespace

Scheduler::Scheduler(const Options& options, const Collaborators& collaborators)
    : options_(options),
      use_(collaborators),
      runner_(collaborators.metrics, collaborators.logger),
      board_({.num_lanes = options.num_lanes,
              .max_step_bytes = options.max_step_bytes,
              .inbox_capacity = options.inbox_capacity}),
      tenants_(options.tenants),
      lanes_(static_cast<size_t>(options.num_lanes)) {}

Scheduler::~Scheduler() { Shutdown(); }

// Cascades.

void Scheduler::AddCascade(CascadeId id, ServedCascade cascade) {
  auto version = std::make_shared<CascadeVersion>();
  version->id = id;
  version->served = std::move(cascade);
  for (const StageSpec& stage : version->spec().stages) {
    version->metrics.push_back(
        &use_.metrics.Stage(version->spec().name, stage.name));
  }
  {
    MutexLock lock(mutex_);
    board_.AddCascade(id, version->served.stages);
    presences_[id].version = version;
    metrics_.insert(version->metrics.begin(), version->metrics.end());
  }
  const CascadeTable::Version old = table_.Put(std::move(version));
  MutexLock lock(mutex_);
  if (old != nullptr) RetireLocked(old->id);
}

absl::StatusOr<CascadeId> Scheduler::RetireCascade(const std::string& name) {
  const CascadeTable::Version version = table_.Remove(name);
  if (version == nullptr) return table_.Find(name).status();
  MutexLock lock(mutex_);
  RetireLocked(version->id);
  return version->id;
}

void Scheduler::RetireLocked(CascadeId id) { presences_.at(id).retired = true; }

bool Scheduler::WaitUntilGone(CascadeId id, absl::Time deadline) {
  MutexLock lock(mutex_);
  while (!IsGoneLocked(id)) {
    if (state_ == State::kEnded) return false;
    if (!changed_.WaitUntil(mutex_, deadline) && !IsGoneLocked(id)) {
      return false;
    }
  }
  board_.RemoveCascade(id);
  presences_.erase(id);
  return true;
}

bool Scheduler::IsGoneLocked(CascadeId id) const {
  const Presence& presence = presences_.at(id);
  const bool is_in_plan =
      std::any_of(lanes_.begin(), lanes_.end(),
                  [id](const Lane& lane) { return lane.in_plan.contains(id); });
  return presence.retired && presence.arriving_jobs == 0 &&
         board_.num_jobs(id) == 0 && !is_in_plan;
}

absl::StatusOr<std::shared_ptr<const CascadeSpec>> Scheduler::FindCascade(
    std::string_view name) const {
  const absl::StatusOr<CascadeTable::Version> version = table_.Find(name);
  if (!version.ok()) return version.status();
  return (*version)->served.spec;
}

std::vector<std::shared_ptr<const CascadeSpec>> Scheduler::ListCascades()
    const {
  std::vector<std::shared_ptr<const CascadeSpec>> specs;
  for (const CascadeTable::Version& version : table_.List()) {
    specs.push_back(version->served.spec);
  }
  return specs;
}

// What lanes ask and tell.

std::optional<StepPlan> Scheduler::NextPlan(int lane) {
  return TakePlan(lane, /*waits=*/true);
}

std::optional<StepPlan> Scheduler::TryNextPlan(int lane) {
  return TakePlan(lane, /*waits=*/false);
}

std::optional<StepPlan> Scheduler::TakePlan(int lane, bool waits) {
  while (true) {
    const absl::Time read = use_.clock.Now();
    Effects effects;
    std::optional<StepPlan> plan;
    {
      MutexLock lock(mutex_);
      const absl::Time now = AdvanceLocked(read);
      Lane& self = lanes_[static_cast<size_t>(lane)];
      self.idle = self.woken = false;
      self.in_plan.clear();
      changed_.SignalAll();
      if (state_ == State::kEnded) return std::nullopt;
      ExpireLocked(now, effects);
      plan = DecideLocked(lane, now, effects);
      if (plan.has_value()) NotePlanLocked(self, *plan, now);
      // For what this lane leaves. One that was woken in vain changed nothing:
      // if it woke others, they would wake it again.
      if (plan.has_value() || self.has_stepped || !effects.empty()) {
        WakeLanesLocked();
      }
      self.has_stepped = false;
      CheckLocked();
      if (!plan.has_value() && effects.empty()) {
        self.idle = true;
        if (!waits) return std::nullopt;
        WaitLocked(self, now);
      }
    }
    runner_.Run(std::move(effects));
    if (plan.has_value()) return plan;
  }
}

void Scheduler::WaitLocked(Lane& lane, absl::Time now) {
  // Until it is woken, or somebody's time is up.
  const absl::Time until =
      deadlines_.empty()
          ? absl::InfiniteFuture()
          : absl::Now() + std::max(deadlines_.begin()->first - now,
                                   absl::Milliseconds(1));
  while (lane.idle) {
    if (!lane.wake.WaitUntil(mutex_, until)) lane.idle = false;
  }
}

absl::Time Scheduler::AdvanceLocked(absl::Time read) {
  // Who read the clock first may get the lock last.
  time_ = std::max(time_, read);
  return time_;
}

void Scheduler::StepDone(int lane, StepReport report) {
  const absl::Time read = use_.clock.Now();
  Effects effects;
  {
    MutexLock lock(mutex_);
    const absl::Time now = AdvanceLocked(read);
    lanes_[static_cast<size_t>(lane)].has_stepped = true;
    LearnLocked(lane, report);
    for (ImageReport& image : report.images) SettleLocked(image, now, effects);
    for (ParkReport& park : report.parks) SettleParkLocked(park, now, effects);
    CheckLocked();
    // The lane itself asks next, and then wakes the others.
  }
  runner_.Run(std::move(effects));
}

void Scheduler::LaneLost(int lane, absl::Status why) {
  const absl::Time now = use_.clock.Now();
  Effects effects;
  {
    MutexLock lock(mutex_);
    Lane& self = lanes_[static_cast<size_t>(lane)];
    self.in_plan.clear();
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

std::optional<StepPlan> Scheduler::DecideLocked(int lane, absl::Time now,
                                                Effects& effects) {
  StepPlan plan;
  std::vector<SlotRelease> releases = board_.TakeLeaving(lane);
  const LaneView view =
      MakeLaneView(board_, lane, IdleLanesLocked(), RankingLocked(now), now);
  const std::optional<StepChoice> choice =
      options_.policy == StepPolicyKind::kStep ? ChooseStep(view)
                                               : ChooseWholeRequests(view);
  if (choice.has_value()) plan = PlanLocked(lane, *choice, now, effects);
  plan.releases = std::move(releases);
  if (plan.images.empty() && plan.releases.empty()) return std::nullopt;
  return plan;
}

StepPlan Scheduler::PlanLocked(int lane, const StepChoice& choice,
                               absl::Time now, Effects& effects) {
  StepPlan plan;
  plan.stage = choice.stage;
  for (const ImageId id : choice.parked) {
    Image& image = *board_.Find(id);
    board_.Park(image);
    plan.parks.push_back({choice.stage, id});
    effects.passages.push_back(
        {.stage = MetricsOf(*image.job, image.stage), .parked = true});
  }
  for (const ImageId id : choice.resident) {
    Image& image = *board_.Find(id);
    board_.Step(image);
    plan.images.push_back(PlanLine(image, /*admit=*/false));
    last_step_[static_cast<size_t>(image.job->priority())] = now;
  }
  for (const ImageId id : choice.ready) {
    Image& image = *board_.Find(id);
    if (image.parked == nullptr) {
      effects.passages.push_back({.stage = MetricsOf(*image.job, image.stage),
                                  .waited = now - image.ready_since});
    }
    if (!image.job->first_step.has_value()) image.job->first_step = now;
    board_.Take(image, lane, now);
    plan.images.push_back(PlanLine(image, /*admit=*/true));
    last_step_[static_cast<size_t>(image.job->priority())] = now;
  }
  return plan;
}

void Scheduler::NotePlanLocked(Lane& lane, const StepPlan& plan,
                               absl::Time now) {
  for (const SlotRelease& release : plan.releases) {
    lane.in_plan.insert(release.stage.cascade);
  }
  if (!plan.images.empty()) lane.in_plan.insert(plan.stage.cascade);
  lane.stage = plan.stage;
  lane.priorities = {};
  for (const PlannedImage& image : plan.images) {
    const Job& job = *board_.Find(image.image.job);
    lane.priorities[static_cast<size_t>(job.priority())] = true;
  }
  lane.rows = 0;
  for (const PlannedImage& image : plan.images) lane.rows += image.rows;
  lane.plan_since = now;
}

Ranking Scheduler::RankingLocked(absl::Time now) const {
  Ranking ranking;
  ranking.tenants = &tenants_;
  ranking.shows_all = options_.policy == StepPolicyKind::kWholeRequest;
  for (size_t p = 0; p < jobs_of_.size(); ++p) {
    const bool steps =
        std::any_of(lanes_.begin(), lanes_.end(), [p](const Lane& lane) {
          return !lane.in_plan.empty() && lane.priorities[p];
        });
    ranking.is_starved[p] = jobs_of_[p] > 0 && !steps &&
                            now - last_step_[p] > options_.priority_ageing;
  }
  return ranking;
}

ForecastMargin& Scheduler::MarginLocked(const Job& job) {
  return margins_[static_cast<size_t>(job.priority())];
}

void Scheduler::LearnLocked(const Job& job, const absl::Status& end,
                            absl::Time now) {
  if (job.reduced) return;  // Something else was foreseen.
  ForecastMargin& margin = MarginLocked(job);
  if (absl::IsDeadlineExceeded(end)) {
    margin.Observe(job.unloaded, job.forecast, absl::InfiniteDuration());
  } else if (end.ok()) {
    margin.Observe(job.unloaded, job.forecast, now - job.admitted);
  }
}

void Scheduler::LearnLocked(int lane, const StepReport& report) {
  const Lane& self = lanes_[static_cast<size_t>(lane)];
  absl::Duration time;
  for (const ImageReport& image : report.images) {
    if (!image.status.ok()) return;  // Not all rows ran, or not at once.
    time += image.device_time;
  }
  if (time <= absl::ZeroDuration()) return;
  board_.table().Observe(lane, self.stage, self.rows, time);
}

void Scheduler::SettleLocked(ImageReport& report, absl::Time now,
                             Effects& effects) {
  Image* image = board_.Find(report.image);
  if (image == nullptr) return;
  Job& job = *image->job;
  const size_t k = static_cast<size_t>(image->stage);
  const bool was_last = image->line + 1 == job.stages[k].num_lines();
  image->last_step = now;
  image->device_time[k] += report.device_time;
  if (report.device_time > absl::ZeroDuration()) {
    tenants_.Charge(job.tenant, report.device_time);
    effects.charges.push_back(
        {tenants_.name(job.tenant), job.request.cascade, report.device_time});
  }
  if (job.ended) {
    effects.passages.push_back(
        {.stage = MetricsOf(job, image->stage), .wasted = report.device_time});
    if (was_last || !report.status.ok()) {
      board_.Remove(*image);
    } else {
      board_.Leave(*image);
    }
  } else if (!report.status.ok()) {
    EndJobLocked(job, std::move(report.status), now, effects);
    board_.Remove(*image);
  } else if (was_last) {
    FinishStageLocked(*image, std::move(report.output), now, effects);
  } else {
    board_.Rest(*image);
  }
}

void Scheduler::SettleParkLocked(ParkReport& report, absl::Time now,
                                 Effects& effects) {
  Image& image = *board_.Find(report.image);
  Job& job = *image.job;
  if (!job.ended && !report.parked.ok()) {
    EndJobLocked(job, ParkFailed(report.parked.status()), now, effects);
  }
  if (job.ended) {
    board_.Remove(image);
  } else {
    board_.Unpark(image, *std::move(report.parked), now);
  }
}

void Scheduler::FinishStageLocked(Image& image,
                                  std::shared_ptr<const StageOutput> output,
                                  absl::Time now, Effects& effects) {
  Job& job = *image.job;
  const absl::Duration ran = now - image.stage_started;
  effects.passages.push_back(
      {.stage = MetricsOf(job, image.stage), .ran = ran});
  job.timings.push_back(
      {.image_index = image.id.index,
       .stage_index = image.stage,
       .waited = image.waited,
       .ran = ran,
       .device_time = image.device_time[static_cast<size_t>(image.stage)]});
  RefitLocked(job, image.stage + 1, now);
  if (job.goes_on_after(image.stage)) {
    board_.MoveOn(image, std::move(output), now);
    return;
  }
  image.finished = true;
  if (++job.finished_images == job.request.image_count) {
    EndJobLocked(job, absl::OkStatus(), now, effects);
  }
  board_.Remove(image);
}

void Scheduler::WakeLanesLocked() {
  int wanted = board_.NumEnterable();
  for (const Lane& lane : lanes_) {
    if (lane.woken) --wanted;
  }
  for (size_t i = 0; i < lanes_.size() && wanted > 0; ++i) {
    Lane& lane = lanes_[i];
    if (!lane.idle || !HasReadyImage(board_, static_cast<int>(i))) continue;
    lane.idle = false;
    lane.woken = true;
    lane.wake.Signal();
    --wanted;
  }
}

std::vector<bool> Scheduler::IdleLanesLocked() const {
  std::vector<bool> idle;
  for (const Lane& lane : lanes_) idle.push_back(lane.idle || lane.woken);
  return idle;
}

// The end of jobs, of lanes, and of all.

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
  effects.AddEnd(job, std::move(status), now);
  effects.ends.back().tenant = tenants_.name(job.tenant);
  const bool is_cut = !effects.ends.back().status.ok();
  for (const Image& image : job.images) {
    if (!is_cut || image.finished || image.place == ImagePlace::kGone) continue;
    effects.passages.push_back({.stage = MetricsOf(job, image.stage),
                                .saved = board_.PathWork(image)});
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

// Reports.

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
  std::map<StageMetrics*, StageLoad> loads;
  int queued = 0;
  {
    MutexLock lock(mutex_);
    queued = board_.queued();
    // Also of what is served no more: its gauges go to zero.
    for (StageMetrics* metrics : metrics_) loads[metrics] = {};
    for (const auto& [id, presence] : presences_) {
      const std::vector<StageMetrics*>& metrics = presence.version->metrics;
      const std::vector<StageLoad> stages =
          StageLoads(board_, id, metrics.size());
      // An old version and a new one may share them.
      for (size_t k = 0; k < stages.size(); ++k) loads[metrics[k]] += stages[k];
    }
  }
  for (const auto& [metrics, load] : loads) {
    metrics->SetLoad(load.active, load.waiting, load.credits, load.backlog);
  }
  use_.metrics.SetQueueDepth(queued);
}

SchedulerSnapshot Scheduler::Snapshot() const {
  MutexLock lock(mutex_);
  return board_.Snapshot();
}

void Scheduler::CheckLocked() const {
#ifndef NDEBUG
  // Looking at everything takes its time: every now and then will do.
  constexpr int kEvery = 16;
  static thread_local int decisions = 0;
  if (++decisions % kEvery != 0) return;
  const absl::Status status = CheckInvariants(board_.Snapshot());
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::abort();
  }
#endif
}

}  // namespace cascade
