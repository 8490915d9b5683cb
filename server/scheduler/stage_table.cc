#include "server/scheduler/stage_table.h"

#include <algorithm>

#include "server/scheduler/step_bound.h"

namespace cascade {

StageTable::StageTable(int num_lanes, int64_t max_step_bytes)
    : max_step_bytes_(max_step_bytes), lanes_(static_cast<size_t>(num_lanes)) {}

void StageTable::Add(CascadeId cascade,
                     const std::vector<ServedStage>& stages) {
  for (size_t k = 0; k < stages.size(); ++k) {
    const StageId id = {cascade, static_cast<int>(k)};
    Stage& stage = stages_[id];
    for (const auto& [lane, served] : stages[k].lanes) {
      const ExecutorLimits limits =
          WithinStepBytes(served.limits, max_step_bytes_);
      stage.lanes[lane] = {served.device, limits};
      stage.curves.try_emplace(served.device, limits);
      lanes_[static_cast<size_t>(lane)].insert(id);
    }
  }
}

void StageTable::Remove(CascadeId cascade) {
  const auto is_of = [cascade](StageId id) { return id.cascade == cascade; };
  for (std::set<StageId>& stages : lanes_) std::erase_if(stages, is_of);
  std::erase_if(stages_, [&](const auto& entry) { return is_of(entry.first); });
}

void StageTable::LoseLane(int lane) {
  std::set<StageId>& stages = lanes_[static_cast<size_t>(lane)];
  for (const StageId id : stages) stages_.at(id).lanes.erase(lane);
  stages.clear();
}

const std::set<StageId>& StageTable::stages_of(int lane) const {
  return lanes_[static_cast<size_t>(lane)];
}

bool StageTable::Runs(int lane, StageId stage) const {
  return stages_of(lane).contains(stage);
}

int StageTable::slots(int lane, StageId stage) const {
  return At(stage).lanes.at(lane).limits.slots;
}

const BatchCurve& StageTable::curve(int lane, StageId stage) const {
  const Stage& at = At(stage);
  return at.curves.at(at.lanes.at(lane).device);
}

void StageTable::Observe(int lane, StageId stage, int rows,
                         absl::Duration time) {
  Stage& at = stages_.at(stage);
  at.curves.at(at.lanes.at(lane).device).Observe(rows, time);
}

int StageTable::lanes_of(StageId stage) const {
  return static_cast<int>(At(stage).lanes.size());
}

int StageTable::max_rows(StageId stage) const {
  int rows = 1;
  for (const auto& [device, curve] : At(stage).curves) {
    rows = std::max(rows, curve.max_rows());
  }
  return rows;
}

int StageTable::preferred_rows(StageId stage) const {
  int rows = 1;
  for (const auto& [device, curve] : At(stage).curves) {
    rows = std::max(rows, curve.preferred_rows());
  }
  return rows;
}

int StageTable::common_rows(StageId stage) const {
  const auto& curves = At(stage).curves;
  int rows = curves.begin()->second.max_rows();
  for (const auto& [device, curve] : curves) {
    rows = std::min(rows, curve.max_rows());
  }
  return rows;
}

bool StageTable::RunsOn(StageId stage, const std::set<int>& lanes) const {
  const auto& own = At(stage).lanes;
  return std::any_of(own.begin(), own.end(), [&lanes](const auto& entry) {
    return lanes.contains(entry.first);
  });
}

std::set<int> StageTable::LanesOf(CascadeId cascade, int first,
                                  int last) const {
  std::set<int> lanes;
  for (int k = first; k <= last; ++k) {
    for (const auto& [lane, unused] : At({cascade, k}).lanes) {
      lanes.insert(lane);
    }
  }
  return lanes;
}

absl::Duration StageTable::RowTime(StageId stage) const {
  const auto& curves = At(stage).curves;
  absl::Duration sum;
  for (const auto& [device, curve] : curves) sum += curve.row_time();
  return sum / static_cast<double>(curves.size());
}

absl::Duration StageTable::StepTime(StageId stage, int rows) const {
  const auto& curves = At(stage).curves;
  absl::Duration sum;
  for (const auto& [device, curve] : curves) {
    const int batch = std::min(rows, curve.preferred_rows());
    // A step of a single image may have more rows than are preferred.
    const int step = std::max(batch, std::min(rows, 2));
    sum += curve.StepTime(step) * (static_cast<double>(rows) / step);
  }
  return sum / static_cast<double>(curves.size());
}

absl::Duration StageTable::FullStepTime(StageId stage) const {
  const auto& curves = At(stage).curves;
  absl::Duration sum;
  for (const auto& [device, curve] : curves) {
    sum += curve.StepTime(curve.preferred_rows());
  }
  return sum / static_cast<double>(curves.size());
}

double StageTable::Parallelism(CascadeId cascade, int first, int last,
                               const std::vector<absl::Duration>& work) const {
  const std::set<int> lanes = LanesOf(cascade, first, last);
  absl::Duration total;
  absl::Duration slowest;  // Of a stage, were the others free.
  for (int k = first; k <= last; ++k) {
    const absl::Duration of_stage = work[static_cast<size_t>(k - first)];
    const Stage& stage = At({cascade, k});
    total += of_stage;
    if (stage.lanes.empty()) continue;
    slowest =
        std::max(slowest, of_stage / static_cast<double>(stage.lanes.size()));
  }
  if (lanes.empty() || total <= absl::ZeroDuration()) return 1;
  slowest = std::max(slowest, total / static_cast<double>(lanes.size()));
  return absl::FDivDuration(total, slowest);
}

int StageTable::InboxCapacity(StageId stage) const {
  const Stage& below = At({stage.cascade, stage.stage - 1});
  const Stage& at = At(stage);
  int capacity = 0;
  for (const auto* lanes : {&below.lanes, &at.lanes}) {
    for (const auto& [lane, served] : *lanes) {
      const auto& rows = served.limits.batch_rows;
      capacity += rows.empty() ? 1 : rows.back();
    }
  }
  return capacity;
}

}  // namespace cascade
