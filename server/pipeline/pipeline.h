#pragma once

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"
#include "server/metrics/metrics.h"
#include "server/pipeline/lane.h"
#include "server/scheduler/scheduler.h"

namespace cascade {

// All lanes of the server. Each has its own executors over shared weights.
class Pipeline {
 public:
  // Makes `num_lanes` lanes, one after the other, so that none disturbs the
  // measurements of another. `metrics` outlives the pipeline.
  static absl::StatusOr<std::unique_ptr<Pipeline>> Create(
      std::vector<std::shared_ptr<const CascadeModel>> models, int num_lanes,
      Metrics& metrics);

  // What the scheduler has to know.
  const std::vector<ServedCascade>& cascades() const { return cascades_; }
  int num_lanes() const { return static_cast<int>(lanes_.size()); }

  // Starts the lanes. `work` outlives the pipeline, whose destructor joins the
  // lanes: shut the work down first.
  void Run(LaneWork& work);

 private:
  Pipeline() = default;

  // Constant after Create().
  std::vector<ServedCascade> cascades_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace cascade
