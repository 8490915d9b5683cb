#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"
#include "server/metrics/metrics.h"
#include "server/pipeline/lane.h"
#include "server/pipeline/memory_budget.h"
#include "server/pipeline/placement.h"
#include "server/scheduler/served_cascade.h"

namespace cascade {

// All lanes of the server, and the executors of the loaded cascades on them.
//
// Lanes run while cascades come and go. One thread at a time may call it, but
// any may wait for its end.
class Pipeline {
 public:
  struct Options {
    std::vector<LanePlace> lanes;
    // Bytes of a device that cascades may take; unnamed: all that it has.
    std::map<std::string, int64_t> memory_limit = {};
    // As Scheduler::Options has it: larger batches are never formed.
    int64_t max_step_bytes = 0;
  };
  // models/cascade_model.h has it.
  using MemoryOfDevice =
      std::function<absl::StatusOr<DeviceMemory>(const std::string& device)>;
  // Bytes that were free on each device at some time.
  using FreeMemory = std::map<std::string, int64_t>;

  // An error when a device of the lanes is none. `metrics` outlives the
  // pipeline.
  static absl::StatusOr<std::unique_ptr<Pipeline>> Create(
      Options options, MemoryOfDevice memory_of, Metrics& metrics);

  int num_lanes() const { return static_cast<int>(lanes_.size()); }
  // By lane.
  std::vector<std::string> devices() const;

  // Of each device that has a lane, now.
  absl::StatusOr<FreeMemory> MeasureFreeMemory() const;

  // Makes the cascade's executors, for the lanes that take its stages; blocks
  // while they warm up and measure. `free` is of before the model was loaded.
  // What it returns is for the scheduler, but for its queue. INVALID_ARGUMENT
  // for a stage that no lane takes, RESOURCE_EXHAUSTED when it does not fit.
  absl::StatusOr<ServedCascade> Add(CascadeId id,
                                    std::shared_ptr<const CascadeModel> model,
                                    const FreeMemory& free);

  // Destroys the executors of a cascade that is in no plan any more.
  void Remove(CascadeId id);

  // Starts the lanes, once. `work` outlives the pipeline, whose destructor
  // joins them: shut the work down first.
  void Run(LaneWork& work);

  // Blocks until no lane runs, or until `deadline`. Returns whether none does:
  // one that hangs in a driver never ends, and the destructor would wait for
  // it.
  bool WaitUntilEnded(absl::Time deadline) const;

 private:
  // By stage, then by lane.
  using Executors = std::vector<std::map<int, std::unique_ptr<StageExecutor>>>;
  using Placement = std::vector<std::vector<int>>;

  Pipeline(Options options, MemoryOfDevice memory_of, Metrics& metrics);

  const std::string& DeviceOf(int lane) const;
  // Errors name the stage and the device, and what it has free.
  absl::StatusOr<std::unique_ptr<StageExecutor>> MakeExecutor(
      const CascadeModel& model, size_t stage, int lane) const;
  // One executor of each stage on each device, to know what it takes.
  absl::StatusOr<Executors> MakeFirst(const CascadeModel& model,
                                      const Placement& placement) const;
  absl::Status MakeOthers(const CascadeModel& model, const Placement& placement,
                          Executors& executors) const;
  // Says what each stage's executors compute in.
  static CascadeSpec WithPrecisions(CascadeSpec spec,
                                    const Executors& executors);
  MemoryDemands DemandsOf(const Placement& placement,
                          const Executors& first) const;
  absl::StatusOr<MemoryBudgets> BudgetsWith(const FreeMemory& free) const;

  // Constant after Create().
  const Options options_;
  const MemoryOfDevice memory_of_;
  Metrics& metrics_;
  std::vector<std::unique_ptr<Lane>> lanes_;

  std::map<CascadeId, MemoryDemands> demands_;  // Of the loaded cascades.
};

}  // namespace cascade
