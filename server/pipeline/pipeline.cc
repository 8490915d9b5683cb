#include "server/pipeline/pipeline.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/scheduler/step_bound.h"

namespace cascade {

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Create(
    Options options, MemoryOfDevice memory_of, Metrics& metrics) {
  std::unique_ptr<Pipeline> pipeline(
      new Pipeline(std::move(options), std::move(memory_of), metrics));
  RETURN_IF_ERROR(pipeline->MeasureFreeMemory().status());
  return pipeline;
}

Pipeline::Pipeline(Options options, MemoryOfDevice memory_of, Metrics& metrics)
    : options_(std::move(options)),
      memory_of_(std::move(memory_of)),
      metrics_(metrics) {
  for (const LanePlace& place : options_.lanes) {
    lanes_.push_back(std::make_unique<Lane>(num_lanes(), place.device));
  }
}

std::vector<std::string> Pipeline::devices() const {
  std::vector<std::string> devices;
  for (const auto& lane : lanes_) devices.push_back(lane->device());
  return devices;
}

const std::string& Pipeline::DeviceOf(int lane) const {
  return lanes_[static_cast<size_t>(lane)]->device();
}

absl::StatusOr<Pipeline::FreeMemory> Pipeline::MeasureFreeMemory() const {
  FreeMemory free;
  for (const auto& lane : lanes_) {
    if (free.contains(lane->device())) continue;
    ASSIGN_OR_RETURN(const DeviceMemory memory, memory_of_(lane->device()));
    free[lane->device()] = memory.free;
  }
  return free;
}

CascadeSpec Pipeline::WithPrecisions(CascadeSpec spec,
                                     const Executors& executors) {
  for (size_t k = 0; k < executors.size(); ++k) {
    std::set<Precision> precisions;
    for (const auto& [lane, executor] : executors[k]) {
      precisions.insert(executor->limits().precision);
    }
    spec.stages[k].served_precisions.assign(precisions.begin(),
                                            precisions.end());
  }
  return spec;
}

absl::StatusOr<ServedCascade> Pipeline::Add(
    CascadeId id, std::shared_ptr<const CascadeModel> model,
    const FreeMemory& free) {
  const CascadeSpec& spec = model->spec();
  ASSIGN_OR_RETURN(const Placement placement,
                   PlaceStages(spec, options_.lanes));
  ASSIGN_OR_RETURN(Executors executors, MakeFirst(*model, placement));
  const MemoryDemands demands = DemandsOf(placement, executors);
  ASSIGN_OR_RETURN(const MemoryBudgets budgets, BudgetsWith(free));
  RETURN_IF_ERROR(CheckMemory(spec.name, demands, budgets));
  RETURN_IF_ERROR(MakeOthers(*model, placement, executors));

  ServedCascade served;
  served.spec =
      std::make_shared<const CascadeSpec>(WithPrecisions(spec, executors));
  for (size_t k = 0; k < executors.size(); ++k) {
    const StageId stage = {.cascade = id, .stage = static_cast<int>(k)};
    StageMetrics& metrics = metrics_.Stage(spec.name, spec.stages[k].name);
    ServedStage& served_stage = served.stages.emplace_back();
    for (auto& [lane, executor] : executors[k]) {
      served_stage.lanes[lane] = {.device = DeviceOf(lane),
                                  .limits = executor->limits()};
      lanes_[static_cast<size_t>(lane)]->Add(stage, model, std::move(executor),
                                             metrics);
    }
  }
  demands_[id] = demands;
  return served;
}

absl::StatusOr<std::unique_ptr<StageExecutor>> Pipeline::MakeExecutor(
    const CascadeModel& model, size_t stage, int lane) const {
  const std::string& device = DeviceOf(lane);
  auto executor = model.MakeExecutor(static_cast<int>(stage), device);
  if (executor.ok()) return executor;
  ASSIGN_OR_RETURN(const DeviceMemory memory, memory_of_(device));
  return absl::Status(
      executor.status().code(),
      absl::StrCat("stage ", model.spec().name, "/",
                   model.spec().stages[stage].name, " on ", device, ", ",
                   FormatBytes(memory.free), " of ", FormatBytes(memory.total),
                   " free: ", executor.status().message()));
}

absl::StatusOr<Pipeline::Executors> Pipeline::MakeFirst(
    const CascadeModel& model, const Placement& placement) const {
  Executors executors(placement.size());
  for (size_t k = 0; k < placement.size(); ++k) {
    std::set<std::string> devices;
    for (const int lane : placement[k]) {
      if (!devices.insert(DeviceOf(lane)).second) continue;
      ASSIGN_OR_RETURN(executors[k][lane], MakeExecutor(model, k, lane));
    }
  }
  return executors;
}

absl::Status Pipeline::MakeOthers(const CascadeModel& model,
                                  const Placement& placement,
                                  Executors& executors) const {
  for (size_t k = 0; k < placement.size(); ++k) {
    for (const int lane : placement[k]) {
      if (executors[k].contains(lane)) continue;
      ASSIGN_OR_RETURN(executors[k][lane], MakeExecutor(model, k, lane));
    }
  }
  return absl::OkStatus();
}

MemoryDemands Pipeline::DemandsOf(const Placement& placement,
                                  const Executors& first) const {
  MemoryDemands demands;
  for (size_t k = 0; k < placement.size(); ++k) {
    std::map<std::string, int> num_lanes;
    for (const int lane : placement[k]) ++num_lanes[DeviceOf(lane)];
    for (const auto& [lane, executor] : first[k]) {
      const std::string& device = DeviceOf(lane);
      demands[device].Add(
          WithinStepBytes(executor->limits(), options_.max_step_bytes),
          num_lanes[device]);
    }
  }
  return demands;
}

absl::StatusOr<MemoryBudgets> Pipeline::BudgetsWith(
    const FreeMemory& free) const {
  MemoryBudgets budgets;
  for (const auto& [device, bytes] : free) {
    ASSIGN_OR_RETURN(const DeviceMemory memory, memory_of_(device));
    const auto limit = options_.memory_limit.find(device);
    budgets[device] = {.limit = limit == options_.memory_limit.end()
                                    ? memory.total
                                    : limit->second,
                       .free = bytes};
  }
  for (const auto& [id, demands] : demands_) {
    for (const auto& [device, demand] : demands) {
      budgets[device].in_use += demand.total();
    }
  }
  return budgets;
}

void Pipeline::Remove(CascadeId id) {
  for (const std::unique_ptr<Lane>& lane : lanes_) lane->Remove(id);
  demands_.erase(id);
}

void Pipeline::Run(LaneWork& work) {
  for (const std::unique_ptr<Lane>& lane : lanes_) lane->Run(work);
}

bool Pipeline::WaitUntilEnded(absl::Time deadline) const {
  return std::all_of(lanes_.begin(), lanes_.end(), [&](const auto& lane) {
    return lane->WaitUntilEnded(deadline);
  });
}

}  // namespace cascade
