#include "server/scheduler/cascade_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/error_reason.h"

namespace cascade {

CascadeTable::Version CascadeTable::Put(Version version) {
  MutexLock lock(mutex_);
  return std::exchange(versions_[version->spec().name], version);
}

CascadeTable::Version CascadeTable::Remove(const std::string& name) {
  MutexLock lock(mutex_);
  const auto node = versions_.extract(name);
  return node.empty() ? nullptr : node.mapped();
}

absl::StatusOr<CascadeTable::Version> CascadeTable::Find(
    std::string_view name) const {
  std::string names;
  {
    MutexLock lock(mutex_);
    const auto found = versions_.find(name);
    if (found != versions_.end()) return found->second;
    names = absl::StrJoin(
        versions_, ", ",
        [](std::string* out, const auto& entry) { out->append(entry.first); });
  }
  return ErrorWithReason(
      absl::StatusCode::kNotFound, kCascadeNotFound,
      absl::StrCat("no cascade '", std::string(name), "'; there are: ", names));
}

std::vector<CascadeTable::Version> CascadeTable::List() const {
  MutexLock lock(mutex_);
  std::vector<Version> versions;
  for (const auto& [name, version] : versions_) versions.push_back(version);
  return versions;
}

}  // namespace cascade
