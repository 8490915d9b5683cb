// The versions of cascades that the Scheduler serves.

#include <algorithm>
#include <utility>

#include "server/scheduler/scheduler.h"

namespace cascade {

void Scheduler::AddCascade(CascadeId id, ServedCascade cascade) {
  auto version = std::make_shared<CascadeVersion>();
  version->id = id;
  version->served = std::move(cascade);
  for (const StageSpec& stage : version->spec().stages) {
    version->metrics.push_back(
        &use_.metrics.Stage(version->spec().name, stage.name));
  }
  for (const std::string& tenant : TenantNames()) {
    version->tenants.push_back(
        &use_.metrics.Tenant(tenant, version->spec().name));
  }
  use_.metrics.AddCascade(version->spec().name);
  {
    MutexLock lock(mutex_);
    board_.AddCascade(id, version->served.stages);
    presences_[id].version = version;
  }
  const CascadeTable::Version old = table_.Put(std::move(version));
  MutexLock lock(mutex_);
  if (old != nullptr) RetireLocked(old->id);
}

std::vector<std::string> Scheduler::TenantNames() const {
  MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (int i = 0; i < tenants_.num_tenants(); ++i) {
    names.push_back(tenants_.name(i));
  }
  return names;
}

absl::StatusOr<CascadeId> Scheduler::RetireCascade(const std::string& name) {
  const CascadeTable::Version version = table_.Remove(name);
  if (version == nullptr) return table_.Find(name).status();
  MutexLock lock(mutex_);
  RetireLocked(version->id);
  return version->id;
}

void Scheduler::RetireLocked(CascadeId id) { presences_.at(id).retired = true; }

bool Scheduler::WaitUntilGone(CascadeId id, absl::Time deadline) {
  MutexLock lock(mutex_);
  while (!IsGoneLocked(id)) {
    if (state_ == State::kEnded) return false;
    if (!changed_.WaitUntil(mutex_, deadline) && !IsGoneLocked(id)) {
      return false;
    }
  }
  board_.RemoveCascade(id);
  presences_.erase(id);
  return true;
}

bool Scheduler::IsGoneLocked(CascadeId id) const {
  const Presence& presence = presences_.at(id);
  const bool is_in_plan =
      std::any_of(lanes_.begin(), lanes_.end(),
                  [id](const Lane& lane) { return lane.in_plan.contains(id); });
  return presence.retired && presence.arriving_jobs == 0 &&
         board_.num_jobs(id) == 0 && !is_in_plan;
}

absl::StatusOr<std::shared_ptr<const CascadeSpec>> Scheduler::FindCascade(
    std::string_view name) const {
  const absl::StatusOr<CascadeTable::Version> version = table_.Find(name);
  if (!version.ok()) return version.status();
  return (*version)->served.spec;
}

std::vector<std::shared_ptr<const CascadeSpec>> Scheduler::ListCascades()
    const {
  std::vector<std::shared_ptr<const CascadeSpec>> specs;
  for (const CascadeTable::Version& version : table_.List()) {
    specs.push_back(version->served.spec);
  }
  return specs;
}

}  // namespace cascade
