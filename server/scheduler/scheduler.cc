#include "server/scheduler/scheduler.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/error_reason.h"
#include "server/base/status_macros.h"
#include "server/scheduler/lane_view.h"

namespace cascade {
namespace {

std::vector<std::vector<StageLimits>> BoardLimits(
    const std::vector<ServedCascade>& cascades) {
  std::vector<std::vector<StageLimits>> limits(cascades.size());
  for (size_t c = 0; c < cascades.size(); ++c) {
    for (const ExecutorLimits& stage : cascades[c].limits) {
      limits[c].push_back({.curve = BatchCurve(stage), .slots = stage.slots});
    }
  }
  return limits;
}

// As many as the slots of the smallest stage on all lanes.
int DefaultInFlight(const std::vector<ServedCascade>& cascades, int num_lanes) {
  int slots = 0;
  for (const ServedCascade& cascade : cascades) {
    for (const ExecutorLimits& stage : cascade.limits) {
      slots = slots == 0 ? stage.slots : std::min(slots, stage.slots);
    }
  }
  return std::max(1, slots * num_lanes);
}

std::vector<int> MaxRows(const ServedCascade& cascade) {
  std::vector<int> rows;
  for (const ExecutorLimits& stage : cascade.limits) {
    rows.push_back(BatchCurve(stage).max_rows());
  }
  return rows;
}

std::vector<std::vector<StageMetrics*>> MetricsOfStages(
    const std::vector<ServedCascade>& cascades, Metrics& metrics) {
  std::vector<std::vector<StageMetrics*>> stages;
  for (const ServedCascade& cascade : cascades) {
    std::vector<StageMetrics*>& of_cascade = stages.emplace_back();
    for (const StageSpec& stage : cascade.spec->stages) {
      of_cascade.push_back(&metrics.Stage(cascade.spec->name, stage.name));
    }
  }
  return stages;
}

absl::Status DeadlinePassed() {
  return ErrorWithReason(absl::StatusCode::kDeadlineExceeded, kDeadlineExceeded,
                         "the request's deadline has passed");
}

absl::Status ShutDown() {
  return ErrorWithReason(absl::StatusCode::kUnavailable, kShutDown,
                         "the server is shutting down");
}

}  // namespace

Scheduler::Scheduler(const Options& options,
                     std::vector<ServedCascade> cascades,
                     const Collaborators& collaborators)
    : admission_(options.admission),
      cascades_(std::move(cascades)),
      max_images_in_flight_(
          options.max_images_in_flight > 0
              ? options.max_images_in_flight
              : DefaultInFlight(cascades_, options.num_lanes)),
      use_(collaborators),
      runner_(MetricsOfStages(cascades_, collaborators.metrics),
              collaborators.metrics, collaborators.logger),
      board_(BoardLimits(cascades_), options.num_lanes),
      lanes_(static_cast<size_t>(options.num_lanes)) {}

Scheduler::~Scheduler() { Shutdown(); }

absl::StatusOr<int> Scheduler::CascadeIndex(std::string_view name) const {
  for (size_t i = 0; i < cascades_.size(); ++i) {
    if (cascades_[i].spec->name == name) return static_cast<int>(i);
  }
  return ErrorWithReason(
      absl::StatusCode::kNotFound, kCascadeNotFound,
      absl::StrCat("no cascade '", std::string(name), "'; there are: ",
                   absl::StrJoin(cascades_, ", ",
                                 [](std::string* out, const ServedCascade& c) {
                                   out->append(c.spec->name);
                                 })));
}

absl::StatusOr<std::shared_ptr<const CascadeSpec>> Scheduler::FindCascade(
    std::string_view name) const {
  ASSIGN_OR_RETURN(const int index, CascadeIndex(name));
  return cascades_[static_cast<size_t>(index)].spec;
}

std::vector<std::shared_ptr<const CascadeSpec>> Scheduler::ListCascades()
    const {
  std::vector<std::shared_ptr<const CascadeSpec>> specs;
  for (const ServedCascade& cascade : cascades_) specs.push_back(cascade.spec);
  return specs;
}

absl::StatusOr<Admitted> Scheduler::Submit(GenerationRequest request) {
  const std::string request_id = request.request_id;
  const std::string cascade = request.cascade;
  absl::StatusOr<Admitted> admitted = TrySubmit(std::move(request));
  if (!admitted.ok()) {
    const bool is_known = CascadeIndex(cascade).ok();
    runner_.ReportRefusal(request_id, is_known ? cascade : "",
                          admitted.status());
  }
  return admitted;
}

absl::StatusOr<Admitted> Scheduler::TrySubmit(GenerationRequest request) {
  ASSIGN_OR_RETURN(const int cascade, CascadeIndex(request.cascade));
  if (request.deadline <= use_.clock.Now()) return DeadlinePassed();
  const int count = request.image_count;
  int position = 0;
  JobId id = 0;
  {
    MutexLock lock(mutex_);
    const AdmissionLoad load = LoadLocked();
    RETURN_IF_ERROR(Admit(admission_, load, count));
    position = load.queued_images;
    id = next_job_++;
    arriving_images_ += count;
    ++live_jobs_;
  }
  const ServedCascade& served = cascades_[static_cast<size_t>(cascade)];
  absl::StatusOr<std::unique_ptr<Job>> job =
      MakeJob(std::move(request), *served.spec, MaxRows(served));
  if (!job.ok()) {
    MutexLock lock(mutex_);
    arriving_images_ -= count;
    if (--live_jobs_ == 0) became_idle_.SignalAll();
    return job.status();
  }
  (*job)->id = id;
  (*job)->cascade = cascade;
  return Enter(*std::move(job), position);
}

Admitted Scheduler::Enter(std::unique_ptr<Job> job, int position) {
  job->events = std::make_shared<EventStream>(job->request.output, use_.encoder,
                                              use_.encoding);
  const Admitted admitted = {.id = job->id, .events = job->events};
  // Before any lane can see the job.
  admitted.events->Push(QueuedEvent{.position = position,
                                    .priority = job->request.priority,
                                    .target_stage = job->request.target_stage});
  const absl::Time now = use_.clock.Now();
  Effects effects;
  {
    MutexLock lock(mutex_);
    job->admitted = now;
    arriving_images_ -= job->request.image_count;
    if (job->request.deadline < absl::InfiniteFuture()) {
      deadlines_.emplace(job->request.deadline, job->id);
    }
    board_.Add(std::move(job), now);
    if (state_ == State::kShutDown) {
      EndJobLocked(*board_.Find(admitted.id), ShutDown(), now, effects);
    }
    WakeLanesLocked();
  }
  runner_.Run(std::move(effects));
  return admitted;
}

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
  }
  runner_.Run(std::move(effects));
}

std::optional<StepPlan> Scheduler::NextPlan(int lane) {
  while (true) {
    const absl::Time now = use_.clock.Now();
    Effects effects;
    std::optional<StepPlan> plan;
    {
      MutexLock lock(mutex_);
      Lane& self = lanes_[static_cast<size_t>(lane)];
      self.idle = self.woken = false;
      if (state_ == State::kShutDown) return std::nullopt;
      ExpireLocked(now, effects);
      plan = DecideLocked(lane, now, effects);
      WakeLanesLocked();  // For what this lane leaves.
      if (!plan.has_value() && effects.empty()) {
        self.idle = true;
        while (self.idle) self.wake.Wait(mutex_);
      }
    }
    runner_.Run(std::move(effects));
    if (plan.has_value()) return plan;
  }
}

void Scheduler::StepDone(int /*lane*/, StepReport report) {
  const absl::Time now = use_.clock.Now();
  Effects effects;
  {
    MutexLock lock(mutex_);
    for (ImageReport& image : report.images) SettleLocked(image, now, effects);
    // The lane itself asks next, and then wakes the others.
  }
  runner_.Run(std::move(effects));
}

void Scheduler::LaneLost(int /*lane*/, absl::Status /*why*/) {}

void Scheduler::Drain() {
  MutexLock lock(mutex_);
  if (state_ == State::kServing) state_ = State::kDraining;
}

bool Scheduler::WaitUntilIdle(absl::Time deadline) {
  MutexLock lock(mutex_);
  while (live_jobs_ > 0) {
    if (!became_idle_.WaitUntil(mutex_, deadline)) return live_jobs_ == 0;
  }
  return true;
}

void Scheduler::Shutdown() {
  const absl::Time now = use_.clock.Now();
  Effects effects;
  {
    MutexLock lock(mutex_);
    state_ = State::kShutDown;
    for (const JobId id : board_.JobIds()) {
      Job& job = *board_.Find(id);
      if (!job.ended) EndJobLocked(job, ShutDown(), now, effects);
    }
    for (Lane& lane : lanes_) {
      lane.idle = false;
      lane.wake.Signal();
    }
  }
  runner_.Run(std::move(effects));
}

void Scheduler::ReportLoad() {
  const SchedulerSnapshot snapshot = Snapshot();
  std::map<StageId, std::pair<int, int>> loads;  // active, waiting
  for (const LaneStageSnapshot& stage : snapshot.lanes) {
    loads[stage.stage].first += stage.slots_taken;
  }
  for (const auto& [stage, image] : snapshot.ready) ++loads[stage].second;
  for (const auto& [stage, load] : loads) {
    runner_.Stage(stage).SetLoad(load.first, load.second);
  }
  use_.metrics.SetQueueDepth(snapshot.queued);
}

SchedulerSnapshot Scheduler::Snapshot() const {
  MutexLock lock(mutex_);
  return board_.Snapshot();
}

void Scheduler::ExpireLocked(absl::Time now, Effects& effects) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    EndJobLocked(*board_.Find(deadlines_.begin()->second), DeadlinePassed(),
                 now, effects);
  }
}

void Scheduler::EndJobLocked(Job& job, absl::Status status, absl::Time now,
                             Effects& effects) {
  job.ended = true;
  deadlines_.erase({job.request.deadline, job.id});
  effects.AddEnd(job, std::move(status), now);
  board_.Evict(job);
  if (--live_jobs_ == 0) became_idle_.SignalAll();
}

std::optional<StepPlan> Scheduler::DecideLocked(int lane, absl::Time now,
                                                Effects& effects) {
  StepPlan plan;
  std::vector<SlotRelease> releases = board_.TakeLeaving(lane);
  const std::optional<StepChoice> choice = ChooseStep(MakeLaneView(
      board_, lane, IdleLanesLocked(lane), max_images_in_flight_, now));
  if (choice.has_value()) plan = PlanLocked(lane, *choice, now, effects);
  plan.releases = std::move(releases);
  if (plan.images.empty() && plan.releases.empty()) return std::nullopt;
  return plan;
}

StepPlan Scheduler::PlanLocked(int lane, const StepChoice& choice,
                               absl::Time now, Effects& effects) {
  StepPlan plan;
  plan.stage = choice.stage;
  for (const ImageId id : choice.resident) {
    Image& image = *board_.Find(id);
    board_.Step(image);
    plan.images.push_back(PlanLine(image, /*admit=*/false));
  }
  for (const ImageId id : choice.ready) {
    Image& image = *board_.Find(id);
    effects.passages.push_back(
        {.stage = choice.stage, .waited = now - image.ready_since});
    if (!image.job->first_step.has_value()) image.job->first_step = now;
    board_.Take(image, lane, now);
    plan.images.push_back(PlanLine(image, /*admit=*/true));
  }
  return plan;
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
  if (job.ended) {
    effects.passages.push_back(
        {.stage = {job.cascade, image->stage}, .wasted = report.device_time});
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
    ++image->line;
    board_.Rest(*image);
  }
}

void Scheduler::FinishStageLocked(Image& image,
                                  std::shared_ptr<const StageOutput> output,
                                  absl::Time now, Effects& effects) {
  Job& job = *image.job;
  const absl::Duration ran = now - image.stage_started;
  effects.passages.push_back({.stage = {job.cascade, image.stage}, .ran = ran});
  job.timings.push_back(
      {.image_index = image.id.index,
       .stage_index = image.stage,
       .waited = image.stage_started - image.ready_since,
       .ran = ran,
       .device_time = image.device_time[static_cast<size_t>(image.stage)]});
  if (image.stage < job.request.target_stage) {
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
  int wanted = NumReady(board_, max_images_in_flight_);
  for (const Lane& lane : lanes_) {
    if (lane.woken) --wanted;
  }
  for (Lane& lane : lanes_) {
    if (wanted <= 0) return;
    if (!lane.idle) continue;
    lane.idle = false;
    lane.woken = true;
    lane.wake.Signal();
    --wanted;
  }
}

int Scheduler::IdleLanesLocked(int lane) const {
  int idle = 0;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    const bool is_other = static_cast<int>(i) != lane;
    if (is_other && (lanes_[i].idle || lanes_[i].woken)) ++idle;
  }
  return idle;
}

AdmissionLoad Scheduler::LoadLocked() const {
  return {.queued_images = board_.queued() + arriving_images_,
          .draining = state_ != State::kServing,
          .backlog = TotalWork(board_) / board_.num_lanes()};
}

}  // namespace cascade
