#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/stage_executor.h"
#include "models/stage_spec.h"

namespace cascade {

// What a lane's executor of a stage can take.
struct LaneStage {
  std::string device;  // "cpu" or "cuda:N".
  ExecutorLimits limits;
};

// One stage, and the lanes that can run it, by index. At least one.
struct ServedStage {
  std::map<int, LaneStage> lanes;
};

struct QueueLimits {
  int max_queued_images = 1024;  // Images admitted that have not begun.
};

// A loaded version of a cascade, as the lanes serve it.
struct ServedCascade {
  std::shared_ptr<const CascadeSpec> spec;
  std::vector<ServedStage> stages;
  QueueLimits queue;
};

}  // namespace cascade
