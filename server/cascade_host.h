#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/cascade_model.h"
#include "server/base/clock.h"
#include "server/base/logging.h"
#include "server/base/mutex.h"
#include "server/metrics/metrics.h"
#include "server/pipeline/pipeline.h"
#include "server/scheduler/cascade_loader.h"
#include "server/scheduler/scheduler.h"

namespace cascade {

// Owns the versions of the cascades that are in memory, at start-up and later:
// a package becomes a model, the model executors on the lanes, and those a
// version that the scheduler serves; and back.
//
// States of a version: loading -> serving -> retired -> gone.
class CascadeHost : public CascadeLoader {
 public:
  // Makes a model of a package. Every field of `source` is set.
  using ReadPackage =
      std::function<absl::StatusOr<std::shared_ptr<const CascadeModel>>(
          const CascadeSource& source)>;
  // A name serves from now on, or no more.
  using NameListener =
      std::function<void(const std::string& name, bool serves)>;

  struct Options {
    // What a source's unset fields mean...
    int max_batch_rows = 32;
    int slots = 64;
    int max_queued_images = 1024;
    // ... unless its name is one of these.
    std::vector<CascadeSource> configured = {};
  };
  // All of them outlive the host; the functions are called on the thread that
  // loads and unloads.
  struct Collaborators {
    ReadPackage read_package;
    NameListener on_name;
    Pipeline& pipeline;
    Scheduler& scheduler;
    const Clock& clock;
    Metrics& metrics;
    Logger& logger;
  };

  CascadeHost(Options options, Collaborators collaborators);

  absl::StatusOr<LoadedVersion> Load(const LoadOrder& order) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Unload(const std::string& name) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<LoadedVersion> ListVersions() const override
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Refuses loads from now on; one that is under way ends as soon as its
  // package is read or its executors are made. Any thread.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // UNAVAILABLE once the host drains.
  absl::Status CheckLoads() const ABSL_LOCKS_EXCLUDED(mutex_);
  CascadeSource Completed(CascadeSource source) const;
  // The version that has a name.
  std::optional<LoadedVersion> Find(const std::string& name) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Makes a version and gives its name to it.
  absl::StatusOr<LoadedVersion> Serve(const CascadeSource& source)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Puts a model on the lanes; it is not served yet.
  absl::StatusOr<ServedCascade> Make(CascadeId id,
                                     const CascadeSource& source) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Retire(const LoadedVersion& version) ABSL_LOCKS_EXCLUDED(mutex_);
  // Says what is in memory.
  void TellMetrics() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for the last jobs of a retired version and frees its memory.
  absl::Status Bury(const LoadedVersion& version) ABSL_LOCKS_EXCLUDED(mutex_);

  // A version that is in memory, and what it takes of it.
  struct Held {
    LoadedVersion version;
    absl::Duration load_time;
    std::vector<CascadeState::Memory> memory;
  };

  // Constant after construction.
  const Options options_;
  const Collaborators use_;

  // Touched by the thread that loads.
  CascadeId next_id_ = 1;

  mutable Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<CascadeId, Held> versions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cascade
