#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/metrics/metrics.h"
#include "server/scheduler/served_cascade.h"
#include "server/scheduler/step_plan.h"

namespace cascade {

// A version of a cascade that is or was served. Constant.
struct CascadeVersion {
  CascadeId id = 0;
  ServedCascade served;
  std::vector<StageMetrics*> metrics;   // By stage.
  std::vector<TenantMetrics*> tenants;  // By FairShare's index.

  const CascadeSpec& spec() const { return *served.spec; }
};

// What each name means at present. Thread-safe.
class CascadeTable {
 public:
  using Version = std::shared_ptr<const CascadeVersion>;

  // Gives the version's name to it. Returns the version that had the name.
  Version Put(Version version) ABSL_LOCKS_EXCLUDED(mutex_);
  // Frees a name. Null if no version has it.
  Version Remove(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);

  // NOT_FOUND, with the names that there are.
  absl::StatusOr<Version> Find(std::string_view name) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // By name.
  std::vector<Version> List() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable Mutex mutex_;
  std::map<std::string, Version, std::less<>> versions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cascade
