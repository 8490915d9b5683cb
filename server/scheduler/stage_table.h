#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/scheduler/batch_curve.h"
#include "server/scheduler/served_cascade.h"
#include "server/scheduler/step_plan.h"

namespace cascade {

// The stages that are served: which lanes run them, and what their steps cost
// there, learned from every step. Knows no image.
//
// Not thread-safe: the Scheduler's lock guards it.
class StageTable {
 public:
  // `max_step_bytes` bounds the memory of a step beside the slots; 0: no bound.
  StageTable(int num_lanes, int64_t max_step_bytes);

  void Add(CascadeId cascade, const std::vector<ServedStage>& stages);
  void Remove(CascadeId cascade);
  // The lane runs nothing any more.
  void LoseLane(int lane);

  int num_lanes() const { return static_cast<int>(lanes_.size()); }
  // In order.
  const std::set<StageId>& stages_of(int lane) const;
  bool Runs(int lane, StageId stage) const;
  // Of a stage that the lane runs.
  int slots(int lane, StageId stage) const;
  const BatchCurve& curve(int lane, StageId stage) const;

  // A step of `rows` network rows took `time`.
  void Observe(int lane, StageId stage, int rows, absl::Duration time);

  // Over the lanes that run the stage: how many, the most rows of a step, and
  // the mean time of a row in the best batch, of a step of `rows` (more than
  // fit are several steps) and of a step of the preferred rows.
  int lanes_of(StageId stage) const;
  int max_rows(StageId stage) const;
  // The batch that the policy aims at; the largest, where devices differ.
  int preferred_rows(StageId stage) const;
  // The most rows that a step may have on each of them.
  int common_rows(StageId stage) const;
  // Any of the lanes runs it.
  bool RunsOn(StageId stage, const std::set<int>& lanes) const;
  // That run any of the stages [first, last] of a cascade.
  std::set<int> LanesOf(CascadeId cascade, int first, int last) const;
  absl::Duration RowTime(StageId stage) const;
  absl::Duration StepTime(StageId stage, int rows) const;
  absl::Duration FullStepTime(StageId stage) const;

  // Lanes that work on the stages [first, last] of a cascade at the same time,
  // for images that cost `work[k]` in stage first + k: all that run them if
  // they share the stages, fewer if one stage's lanes hold the others up.
  double Parallelism(CascadeId cascade, int first, int last,
                     const std::vector<absl::Duration>& work) const;

  // Images that may wait before stage k + 1 or be on their way to it: a batch
  // of each lane that makes them, and one of each that takes them.
  int InboxCapacity(StageId stage) const;

 private:
  struct Stage {
    // By device: all lanes of a device learn together.
    std::map<std::string, BatchCurve> curves;
    std::map<int, LaneStage> lanes;
  };

  const Stage& At(StageId stage) const { return stages_.at(stage); }

  const int64_t max_step_bytes_;
  std::map<StageId, Stage> stages_;
  std::vector<std::set<StageId>> lanes_;
};

}  // namespace cascade
