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

absl::Status ParkFailed(const absl::Status& why) {
  return ErrorWithReason(
      absl::StatusCode::kInternal, kStepFailed,
      absl::StrCat("an image that made room for another one was lost: ",
                   why.message()));
}

}  // namespace

Scheduler::Scheduler(const Options& options, const Collaborators& collaborators)
    : options_(options),
      use_(collaborators),
      runner_(collaborators.metrics),
      board_({.num_lanes = options.num_lanes,
              .max_step_bytes = options.max_step_bytes,
              .inbox_capacity = options.inbox_capacity}),
      tenants_(options.tenants),
      lanes_(static_cast<size_t>(options.num_lanes)) {}

Scheduler::~Scheduler() { Shutdown(); }

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
      LeavePlan(self, now);
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
        {.stage = image.job->metrics_of(image.stage), .parked = true});
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
      effects.passages.push_back({.stage = image.job->metrics_of(image.stage),
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

void Scheduler::LeavePlan(Lane& lane, absl::Time now) {
  if (!lane.in_plan.empty()) lane.busy += now - lane.plan_since;
  lane.in_plan.clear();
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
        {job.version->tenants[static_cast<size_t>(job.tenant)],
         report.device_time});
  }
  if (job.ended) {
    effects.passages.push_back(
        {.stage = job.metrics_of(image->stage), .wasted = report.device_time});
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
      {.stage = job.metrics_of(image.stage), .ran = ran});
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
