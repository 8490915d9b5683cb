#include "server/pipeline/lane.h"

#include <pthread.h>

#include <string>
#include <utility>

#include "server/base/status_macros.h"

namespace cascade {

absl::StatusOr<std::unique_ptr<Lane>> Lane::Create(
    int index, std::vector<const CascadeModel*> models, Metrics& metrics) {
  std::unique_ptr<Lane> lane(new Lane(index, std::move(models), metrics));
  RETURN_IF_ERROR(lane->WaitUntilMade());
  return lane;
}

Lane::Lane(int index, std::vector<const CascadeModel*> models, Metrics& metrics)
    : index_(index), models_(std::move(models)), metrics_(metrics) {
  thread_ = std::thread([this] { ThreadMain(); });
}

Lane::~Lane() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
  }
  changed_.SignalAll();
  thread_.join();
}

void Lane::Run(LaneWork& work) {
  {
    MutexLock lock(mutex_);
    work_ = &work;
  }
  changed_.SignalAll();
}

void Lane::ThreadMain() {
  pthread_setname_np(pthread_self(),
                     ("lane-" + std::to_string(index_)).c_str());
  absl::StatusOr<Runners> runners = MakeRunners();
  if (runners.ok()) {
    for (const auto& stages : *runners) {
      std::vector<ExecutorLimits>& limits = limits_.emplace_back();
      for (const auto& stage : stages) limits.push_back(stage->limits());
    }
  }
  {
    MutexLock lock(mutex_);
    made_ = runners.status();
  }
  changed_.SignalAll();
  if (!runners.ok()) return;
  if (LaneWork* work = WaitForWork()) RunPlans(*work, *runners);
}

absl::StatusOr<Lane::Runners> Lane::MakeRunners() const {
  Runners runners;
  for (const CascadeModel* model : models_) {
    auto& stages = runners.emplace_back();
    for (const StageSpec& stage : model->spec().stages) {
      ASSIGN_OR_RETURN(std::unique_ptr<StageExecutor> executor,
                       model->MakeExecutor(stage.index, "cpu"));
      stages.push_back(std::make_unique<StageRunner>(
          std::move(executor), metrics_.Stage(model->spec().name, stage.name)));
    }
  }
  return runners;
}

absl::Status Lane::WaitUntilMade() {
  MutexLock lock(mutex_);
  while (!made_.has_value()) changed_.Wait(mutex_);
  return *made_;
}

LaneWork* Lane::WaitForWork() {
  MutexLock lock(mutex_);
  while (work_ == nullptr && !stopped_) changed_.Wait(mutex_);
  return work_;
}

void Lane::RunPlans(LaneWork& work, const Runners& runners) const {
  const auto runner = [&runners](StageId id) -> StageRunner& {
    return *runners[static_cast<size_t>(id.cascade)]
                   [static_cast<size_t>(id.stage)];
  };
  while (const std::optional<StepPlan> plan = work.NextPlan(index_)) {
    for (const SlotRelease& release : plan->releases) {
      runner(release.stage).Release(release.image);
    }
    if (plan->images.empty()) continue;
    StepReport report =
        runner(plan->stage).Step(plan->stage.stage, plan->images);
    work.StepDone(index_, std::move(report));
  }
}

}  // namespace cascade
