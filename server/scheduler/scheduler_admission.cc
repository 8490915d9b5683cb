// How requests become jobs, and what deadlines make of a job.

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"
#include "server/base/status_macros.h"
#include "server/scheduler/competition.h"
#include "server/scheduler/deadline_fit.h"
#include "server/scheduler/job_costs.h"
#include "server/scheduler/scheduler.h"

namespace cascade {
namespace {

// A job without a deadline is due when it has taken this many times what it
// takes alone. So a short one goes before a long one that came a little
// earlier, and nobody waits for ever.
constexpr double kPatience = 10;

// A deadline is given up only when even steps this much faster than those so
// far could not meet it.
constexpr double kOptimism = 0.8;

// What best effort leaves for encoding and the way to the client.
absl::Duration DeliveryTime(absl::Duration left) {
  return std::min(left * 0.1, absl::Milliseconds(200));
}

absl::Status DeadlinePassed() {
  return ErrorWithReason(absl::StatusCode::kDeadlineExceeded, kDeadlineExceeded,
                         "the request's deadline has passed");
}

absl::Status Hopeless(absl::Duration needed, absl::Duration left) {
  return ErrorWithReason(
      absl::StatusCode::kDeadlineExceeded, kDeadlineExceeded,
      absl::StrCat("the request's deadline cannot be met any more: at least ",
                   absl::FormatDuration(needed), " of work is left, and ",
                   absl::FormatDuration(left), " of time"));
}

absl::Status Replaced(const std::string& name) {
  return ErrorWithReason(
      absl::StatusCode::kAborted, kCascadeReplaced,
      absl::StrCat("another version of cascade '", name, "' is served now"));
}

// The least time that an image of the job still needs.
absl::Duration TimeLeft(const StageTable& table, const Job& job) {
  absl::Duration left;
  for (const Image& image : job.images) {
    if (image.finished || image.place == ImagePlace::kGone) continue;
    left = std::max(left, UnloadedLeft(table, image));
  }
  return left;
}

// The highest stage that all images have finished; -1: none.
int FinishedStage(const Job& job) {
  int stage = job.request.target_stage;
  for (const Image& image : job.images) {
    if (!image.finished) stage = std::min(stage, image.stage - 1);
  }
  return stage < job.request.first_stage ? -1 : stage;
}

std::vector<int> MaxRows(const StageTable& table,
                         const CascadeVersion& version) {
  std::vector<int> max_rows;
  for (size_t k = 0; k < version.served.stages.size(); ++k) {
    max_rows.push_back(table.common_rows({version.id, static_cast<int>(k)}));
  }
  return max_rows;
}

std::vector<StageBudget> Budgets(const StageTable& table, const Job& job,
                                 double stretch) {
  std::vector<StageBudget> budgets;
  for (int k = 0; k <= job.request.target_stage; ++k) {
    const size_t at = static_cast<size_t>(k);
    const int steps = job.request.stages[at].sampler.num_steps;
    const double evaluations =
        static_cast<double>(job.stages[at].num_lines()) / steps;
    const bool stops = job.stages[at].table->stop_timestep.has_value();
    const bool is_heun =
        job.request.stages[at].sampler.kind == SamplerKind::kHeun;
    budgets.push_back({.steps = steps,
                       .step_time = JobStepTime(table, job, k) * stretch,
                       .evaluations_per_step = evaluations,
                       .evaluations_per_target_step =
                           !stops ? evaluations : (is_heun ? 2.0 : 1.0)});
  }
  return budgets;
}

// Runs fewer steps from `first_stage` on, up to the target stage, which then
// finishes its image.
absl::Status SetSteps(Job& job, const std::vector<int>& steps, int first_stage,
                      const std::vector<int>& max_rows) {
  for (size_t k = static_cast<size_t>(first_stage); k < steps.size(); ++k) {
    StageOptions& options = job.request.stages[k];
    const int stage = static_cast<int>(k);
    const bool was_to_stop = stage == job.request.target_stage &&
                             job.stages[k].table->stop_timestep.has_value();
    if (options.sampler.num_steps == steps[k] && !was_to_stop) continue;
    options.sampler.num_steps = steps[k];
    ASSIGN_OR_RETURN(
        job.stages[k],
        CompileStage(job.version->spec(), job.request, stage, max_rows[k]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Admitted> Scheduler::Submit(GenerationRequest request) {
  const std::string cascade = request.cascade;
  absl::StatusOr<Admitted> admitted = TrySubmit(std::move(request));
  // The caller of an aborted one comes again at once.
  if (!admitted.ok() && !absl::IsAborted(admitted.status())) {
    const bool is_known = table_.Find(cascade).ok();
    runner_.ReportRefusal(is_known ? cascade : "", admitted.status());
  }
  return admitted;
}

absl::StatusOr<Admitted> Scheduler::TrySubmit(GenerationRequest request) {
  ExpireDeadlines();  // The dead hold no places.
  const absl::Time now = use_.clock.Now();
  if (request.deadline <= now) return DeadlinePassed();
  if (request.deadline_policy == DeadlinePolicy::kBestEffort &&
      request.deadline < absl::InfiniteFuture()) {
    request.deadline -= DeliveryTime(request.deadline - now);
  }
  ASSIGN_OR_RETURN(const Arrival arrival, Reserve(request));
  QueuedEvent queued;
  queued.position = arrival.position;
  absl::StatusOr<std::unique_ptr<Job>> job =
      Prepare(std::move(request), arrival, queued);
  if (!job.ok()) {
    GiveUpReservation(arrival);
    return job.status();
  }
  return Enter(*std::move(job), arrival, queued);
}

absl::StatusOr<Scheduler::Arrival> Scheduler::Reserve(
    const GenerationRequest& request) {
  Arrival arrival;
  ASSIGN_OR_RETURN(arrival.version, table_.Find(request.cascade));
  if (arrival.version->spec().digest != request.cascade_digest) {
    return Replaced(request.cascade);
  }
  arrival.image_count = request.image_count;
  MutexLock lock(mutex_);
  arrival.tenant = tenants_.Index(request.tenant);
  RETURN_IF_ERROR(
      CheckRoomLocked(*arrival.version, arrival.tenant, arrival.image_count));
  arrival.position = QueuedLocked(arrival.version->id);
  arrival.max_rows = MaxRows(board_.table(), *arrival.version);
  Presence& presence = presences_.at(arrival.version->id);
  ++presence.arriving_jobs;
  presence.arriving_images += arrival.image_count;
  tenants_.Begin(arrival.tenant, arrival.image_count);
  ++live_jobs_;
  return arrival;
}

absl::Status Scheduler::CheckRoom(const std::string& cascade,
                                  const std::string& tenant,
                                  int image_count) const {
  ASSIGN_OR_RETURN(const CascadeTable::Version version, table_.Find(cascade));
  MutexLock lock(mutex_);
  return CheckRoomLocked(*version, tenants_.Index(tenant), image_count);
}

absl::Status Scheduler::CheckRoomLocked(const CascadeVersion& version,
                                        int tenant, int image_count) const {
  const auto presence = presences_.find(version.id);
  if (presence == presences_.end() || presence->second.retired) {
    return Replaced(version.spec().name);
  }
  RETURN_IF_ERROR(presence->second.lost);
  const AdmissionLimits limits = {
      .max_queued_images = version.served.queue.max_queued_images,
      .max_images_per_request = options_.max_images_per_request};
  AdmissionLoad load = {
      .queued_images = QueuedLocked(version.id),
      .draining = state_ != State::kServing,
      .tenant = tenants_.name(tenant),
      .tenant_images = tenants_.images(tenant),
      .tenant_max_images = tenants_.limits(tenant).max_images};
  if (Admit(limits, load, image_count).ok()) return absl::OkStatus();
  // Only a refusal tells when to come back.
  load.backlog = Backlog(board_, version.id,
                         static_cast<int>(version.served.stages.size()));
  return Admit(limits, load, image_count);
}

int Scheduler::QueuedLocked(CascadeId id) const {
  return board_.queued(id) + presences_.at(id).arriving_images;
}

void Scheduler::GiveUpReservation(const Arrival& arrival) {
  MutexLock lock(mutex_);
  Presence& presence = presences_.at(arrival.version->id);
  --presence.arriving_jobs;
  presence.arriving_images -= arrival.image_count;
  tenants_.End(arrival.tenant, arrival.image_count);
  --live_jobs_;
  changed_.SignalAll();
}

absl::StatusOr<std::unique_ptr<Job>> Scheduler::Prepare(
    GenerationRequest request, const Arrival& arrival, QueuedEvent& queued) {
  const std::vector<int>& max_rows = arrival.max_rows;
  ASSIGN_OR_RETURN(
      std::unique_ptr<Job> job,
      MakeJob(std::move(request), arrival.version->spec(), max_rows));
  job->cascade = arrival.version->id;
  job->version = arrival.version;
  job->tenant = arrival.tenant;
  job->settled_stage = job->request.first_stage;
  const absl::Time now = use_.clock.Now();
  const absl::Duration left = job->request.deadline - now;
  const bool is_strict =
      job->request.deadline_policy == DeadlinePolicy::kStrict;
  std::optional<DeadlineFit> fit;
  {
    MutexLock lock(mutex_);
    job->request.priority = std::min(job->request.priority,
                                     tenants_.limits(job->tenant).max_priority);
    const absl::Duration unloaded = UnloadedTime(board_.table(), *job);
    job->unloaded = unloaded;
    job->due = std::min(job->request.deadline, now + kPatience * unloaded);
    const Competition competition(board_, *job);
    bool delays_others = competition.DelaysOthers(now);
    // Who has no deadline, or takes what there is, goes behind the others.
    if (delays_others && (!is_strict || left == absl::InfiniteDuration())) {
      job->due =
          std::max(job->due, competition.LastPromise() + absl::Nanoseconds(1));
      delays_others = false;
    }
    const Forecast forecast = competition.Foresee(tenants_);
    job->forecast = forecast;
    queued.expected_wait = forecast.wait;
    queued.expected_time = forecast.total;
    const absl::Status verdict = CheckDeadline(
        {.left = left,
         .unloaded = unloaded,
         .forecast = forecast,
         .delays_others = delays_others,
         .margin = MarginLocked(*job).Factor(unloaded, forecast)});
    if (!verdict.ok()) {
      if (is_strict) return verdict;
      // Beside others each of its steps takes longer than alone.
      const double stretch = std::max(
          1.0, absl::FDivDuration(forecast.total - forecast.wait, unloaded));
      fit = FitDeadline(Budgets(board_.table(), *job, stretch),
                        job->request.first_stage, job->request.target_stage,
                        left - forecast.wait);
      if (!fit.has_value()) return verdict;
    }
  }
  if (fit.has_value() && fit->reduced) {
    job->reduced = true;
    job->request.target_stage = fit->target_stage;
    RETURN_IF_ERROR(
        SetSteps(*job, fit->steps, job->request.first_stage, max_rows));
    queued.expected_time = left;
  }
  queued.priority = job->request.priority;
  queued.target_stage = job->request.target_stage;
  return job;
}

Admitted Scheduler::Enter(std::unique_ptr<Job> job, const Arrival& arrival,
                          const QueuedEvent& queued) {
  job->events = std::make_shared<EventStream>(job->request.output, use_.encoder,
                                              use_.encoding);
  Admitted admitted = {.id = 0, .events = job->events};
  // Before any lane can see the job.
  admitted.events->Push(queued);
  const absl::Time read = use_.clock.Now();
  Effects effects;
  {
    MutexLock lock(mutex_);
    const absl::Time now = AdvanceLocked(read);
    Job& entered = *job;
    admitted.id = job->id = next_job_++;
    job->admitted = now;
    Presence& presence = presences_.at(arrival.version->id);
    --presence.arriving_jobs;
    presence.arriving_images -= arrival.image_count;
    const size_t priority = static_cast<size_t>(job->priority());
    if (jobs_of_[priority]++ == 0) last_step_[priority] = now;
    board_.Add(std::move(job), now);
    WatchDeadlineLocked(entered);
    if (state_ == State::kEnded) {
      EndJobLocked(entered, ShutDownError(), now, effects);
    } else if (!presence.lost.ok()) {
      EndJobLocked(entered, presence.lost, now, effects);
    }
    WakeLanesLocked();
    CheckLocked();
  }
  runner_.Run(std::move(effects));
  return admitted;
}

// Deadlines.

void Scheduler::WatchDeadlineLocked(Job& job) {
  if (job.request.deadline == absl::InfiniteFuture()) return;
  deadlines_.erase({job.hopeless_at, job.id});
  job.hopeless_at =
      job.request.deadline - kOptimism * TimeLeft(board_.table(), job);
  deadlines_.emplace(job.hopeless_at, job.id);
}

void Scheduler::ExpireDeadlines() {
  const absl::Time now = use_.clock.Now();
  Effects effects;
  {
    MutexLock lock(mutex_);
    ExpireLocked(now, effects);
    if (!effects.empty()) WakeLanesLocked();
  }
  runner_.Run(std::move(effects));
}

void Scheduler::ExpireLocked(absl::Time now, Effects& effects) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Job& job = *board_.Find(deadlines_.begin()->second);
    // Its images have moved on since.
    WatchDeadlineLocked(job);
    if (job.hopeless_at <= now) GiveUpLocked(job, now, effects);
  }
}

void Scheduler::GiveUpLocked(Job& job, absl::Time now, Effects& effects) {
  const int finished = FinishedStage(job);
  if (job.request.deadline_policy == DeadlinePolicy::kBestEffort &&
      finished >= 0) {
    job.reduced = true;
    job.request.target_stage = finished;
    EndJobLocked(job, absl::OkStatus(), now, effects);
    return;
  }
  const absl::Duration left = job.request.deadline - now;
  absl::Status status =
      left <= absl::ZeroDuration()
          ? DeadlinePassed()
          : Hopeless(kOptimism * TimeLeft(board_.table(), job), left);
  EndJobLocked(job, std::move(status), now, effects);
}

void Scheduler::RefitLocked(Job& job, int first_stage, absl::Time now) {
  const bool may_shorten =
      job.request.deadline_policy == DeadlinePolicy::kBestEffort &&
      job.request.deadline < absl::InfiniteFuture() &&
      first_stage <= job.request.target_stage &&
      first_stage > job.settled_stage;
  if (!may_shorten) return;
  job.settled_stage = first_stage;
  // Its other images may still be below; and the stages to come will be
  // stretched as those behind were.
  const absl::Duration below = WorkBelow(board_, job, first_stage);
  absl::Duration unloaded;
  for (int k = job.request.first_stage; k < first_stage; ++k) {
    unloaded += job.stages[static_cast<size_t>(k)].num_lines() *
                JobStepTime(board_.table(), job, k);
  }
  const absl::Duration took = now - job.first_step.value_or(now);
  const double stretch =
      std::max(1.0, absl::FDivDuration(took + below, unloaded));
  const std::optional<DeadlineFit> fit =
      FitDeadline(Budgets(board_.table(), job, stretch), first_stage,
                  job.request.target_stage, job.request.deadline - now - below);
  if (fit.has_value() && !fit->reduced) return;
  job.reduced = true;
  const int target = fit.has_value() ? fit->target_stage : first_stage - 1;
  if (target < job.request.target_stage) board_.LowerTarget(job, target);
  if (fit.has_value()) {
    // What compiled with more steps compiles with fewer.
    const absl::Status status = SetSteps(job, fit->steps, first_stage,
                                         MaxRows(board_.table(), *job.version));
    assert(status.ok());
    static_cast<void>(status);
  }
  WatchDeadlineLocked(job);
}

}  // namespace cascade
