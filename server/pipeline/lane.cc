#include "server/pipeline/lane.h"

#include <pthread.h>

#include <optional>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"

namespace cascade {

Lane::Lane(int index, std::string device)
    : index_(index), device_(std::move(device)) {}

Lane::~Lane() {
  if (thread_.joinable()) thread_.join();
}

void Lane::Add(StageId stage, std::shared_ptr<const CascadeModel> model,
               std::unique_ptr<StageExecutor> executor, StageMetrics& metrics) {
  auto added =
      std::make_shared<Stage>(std::move(model), std::move(executor), metrics);
  MutexLock lock(mutex_);
  stages_[stage] = std::move(added);
}

void Lane::Remove(CascadeId cascade) {
  std::vector<std::shared_ptr<Stage>> removed;  // Die outside of the lock.
  MutexLock lock(mutex_);
  auto stage = stages_.lower_bound({.cascade = cascade, .stage = 0});
  while (stage != stages_.end() && stage->first.cascade == cascade) {
    removed.push_back(std::move(stage->second));
    stage = stages_.erase(stage);
  }
}

void Lane::Run(LaneWork& work) {
  {
    MutexLock lock(mutex_);
    running_ = true;
  }
  thread_ = std::thread([this, &work] {
    pthread_setname_np(pthread_self(),
                       ("lane-" + std::to_string(index_)).c_str());
    RunPlans(work);
    MutexLock lock(mutex_);
    running_ = false;
    ended_.SignalAll();
  });
}

bool Lane::WaitUntilEnded(absl::Time deadline) const {
  MutexLock lock(mutex_);
  while (running_) {
    if (!ended_.WaitUntil(mutex_, deadline)) return !running_;
  }
  return true;
}

void Lane::RunPlans(LaneWork& work) {
  while (const std::optional<StepPlan> plan = work.NextPlan(index_)) {
    absl::StatusOr<StepReport> report = RunPlan(*plan);
    if (!report.ok()) return work.LaneLost(index_, report.status());
    if (plan->images.empty() && plan->parks.empty()) continue;
    work.StepDone(index_, *std::move(report));
  }
}

absl::StatusOr<StepReport> Lane::RunPlan(const StepPlan& plan) {
  for (const SlotRelease& release : plan.releases) {
    const std::shared_ptr<Stage> stage = Find(release.stage);
    if (stage == nullptr) continue;  // The slot is gone with its executor.
    stage->runner.Release(release.image);
    RETURN_IF_ERROR(stage->runner.loss());
  }
  StepReport report;
  for (const SlotPark& park : plan.parks) {
    const std::shared_ptr<Stage> stage = Find(park.stage);
    report.parks.push_back(stage->runner.Park(park.image));
    RETURN_IF_ERROR(stage->runner.loss());
  }
  if (plan.images.empty()) return report;
  const std::shared_ptr<Stage> stage = Find(plan.stage);
  report.images = stage->runner.Step(plan.stage.stage, plan.images);
  RETURN_IF_ERROR(stage->runner.loss());
  return report;
}

std::shared_ptr<Lane::Stage> Lane::Find(StageId stage) const {
  MutexLock lock(mutex_);
  const auto found = stages_.find(stage);
  return found == stages_.end() ? nullptr : found->second;
}

}  // namespace cascade
