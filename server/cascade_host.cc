#include "server/cascade_host.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/caught_status.h"
#include "server/base/error_reason.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

absl::Status AlreadyLoaded(const LoadedVersion& version) {
  return ErrorWithReason(
      absl::StatusCode::kAlreadyExists, kCascadeExists,
      absl::StrCat("cascade '", version.name, "' is loaded, from ",
                   version.package, "; replace it?"));
}

// Weights once for each device, and the slots of all its lanes.
std::vector<CascadeState::Memory> ResidentMemory(const ServedCascade& cascade) {
  std::vector<CascadeState::Memory> memory;
  for (size_t k = 0; k < cascade.stages.size(); ++k) {
    std::map<std::string, int64_t> bytes;
    for (const auto& [lane, stage] : cascade.stages[k].lanes) {
      const auto [device, is_new] = bytes.try_emplace(stage.device, 0);
      if (is_new) device->second += stage.limits.weight_bytes;
      device->second += stage.limits.slots * stage.limits.bytes_per_slot;
    }
    for (const auto& [device, total] : bytes) {
      memory.push_back({cascade.spec->stages[k].name, device, total});
    }
  }
  return memory;
}

// "fp32,bf16": one a stage, "fp32+bf16" where its devices differ.
std::string PrecisionsOf(const CascadeSpec& spec) {
  const auto name = [](std::string* text, Precision precision) {
    absl::StrAppend(text, PrecisionName(precision));
  };
  return absl::StrJoin(
      spec.stages, ",", [&](std::string* text, const StageSpec& stage) {
        absl::StrAppend(text,
                        absl::StrJoin(stage.served_precisions, "+", name));
      });
}

absl::Status NotLoaded(const std::string& name) {
  return ErrorWithReason(absl::StatusCode::kNotFound, kCascadeNotFound,
                         absl::StrCat("cascade '", name, "' is not loaded"));
}

}  // namespace

CascadeHost::CascadeHost(Options options, Collaborators collaborators)
    : options_(std::move(options)), use_(std::move(collaborators)) {}

absl::StatusOr<LoadedVersion> CascadeHost::Load(const LoadOrder& order) {
  RETURN_IF_ERROR(CheckLoads());
  const CascadeSource source = Completed(order.source);
  const std::optional<LoadedVersion> old = Find(source.name);
  if (old.has_value() && !order.replace) return AlreadyLoaded(*old);
  const bool goes_first = old.has_value() && order.drain_first;
  if (goes_first) RETURN_IF_ERROR(Unload(source.name));
  ASSIGN_OR_RETURN(LoadedVersion version, Serve(source));
  if (old.has_value() && !goes_first) RETURN_IF_ERROR(Bury(*old));
  return version;
}

absl::StatusOr<LoadedVersion> CascadeHost::Serve(const CascadeSource& source) {
  const absl::Time start = use_.clock.Now();
  LoadedVersion version;
  version.name = source.name;
  version.package = source.package;
  version.id = next_id_++;
  ASSIGN_OR_RETURN(ServedCascade served, Make(version.id, source));
  version.digest = served.spec->digest;
  version.loaded_time = use_.clock.Now();
  const Held held = {.version = version,
                     .load_time = version.loaded_time - start,
                     .memory = ResidentMemory(served)};
  const std::string precisions = PrecisionsOf(*served.spec);
  use_.scheduler.AddCascade(version.id, std::move(served));
  if (const auto old = Find(source.name)) Retire(*old);
  {
    MutexLock lock(mutex_);
    versions_[version.id] = held;
  }
  TellMetrics();
  use_.on_name(version.name, true);
  use_.logger.Log(LogLevel::kInfo, "cascade_loaded",
                  {{"cascade", version.name},
                   {"version", version.id},
                   {"package", version.package},
                   {"digest", version.digest},
                   {"precisions", precisions},
                   {"took", held.load_time}});
  return version;
}

absl::Status CascadeHost::Unload(const std::string& name) {
  const std::optional<LoadedVersion> version = Find(name);
  if (!version.has_value()) return NotLoaded(name);
  RETURN_IF_ERROR(use_.scheduler.RetireCascade(name).status());
  Retire(*version);
  TellMetrics();
  use_.on_name(name, false);
  return Bury(*version);
}

std::vector<LoadedVersion> CascadeHost::ListVersions() const {
  std::vector<LoadedVersion> versions;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, held] : versions_) versions.push_back(held.version);
  }
  std::sort(versions.begin(), versions.end(),
            [](const LoadedVersion& a, const LoadedVersion& b) {
              return std::tie(a.name, a.id) < std::tie(b.name, b.id);
            });
  return versions;
}

void CascadeHost::Drain() {
  MutexLock lock(mutex_);
  draining_ = true;
}

absl::Status CascadeHost::CheckLoads() const {
  MutexLock lock(mutex_);
  if (!draining_) return absl::OkStatus();
  return ErrorWithReason(absl::StatusCode::kUnavailable, kDraining,
                         "the server is draining and loads nothing");
}

CascadeSource CascadeHost::Completed(CascadeSource source) const {
  CascadeSource defaults = {.name = source.name,
                            .package = source.package,
                            .max_batch_rows = options_.max_batch_rows,
                            .slots = options_.slots,
                            .max_queued_images = options_.max_queued_images};
  const auto fill_in = [](CascadeSource& to, const CascadeSource& from) {
    if (!to.max_batch_rows) to.max_batch_rows = from.max_batch_rows;
    if (!to.slots) to.slots = from.slots;
    if (!to.max_queued_images) to.max_queued_images = from.max_queued_images;
  };
  for (const CascadeSource& configured : options_.configured) {
    if (configured.name == source.name) fill_in(source, configured);
  }
  fill_in(source, defaults);
  return source;
}

std::optional<LoadedVersion> CascadeHost::Find(const std::string& name) const {
  MutexLock lock(mutex_);
  for (const auto& [id, held] : versions_) {
    const LoadedVersion& version = held.version;
    if (version.name == name && !version.retired) return version;
  }
  return std::nullopt;
}

absl::StatusOr<ServedCascade> CascadeHost::Make(
    CascadeId id, const CascadeSource& source) const {
  // A server that serves outlives a package that does not load.
  try {
    ASSIGN_OR_RETURN(const Pipeline::FreeMemory free,
                     use_.pipeline.MeasureFreeMemory());
    ASSIGN_OR_RETURN(auto model, use_.read_package(source));
    RETURN_IF_ERROR(CheckLoads());
    ASSIGN_OR_RETURN(ServedCascade served,
                     use_.pipeline.Add(id, std::move(model), free));
    if (absl::Status status = CheckLoads(); !status.ok()) {
      use_.pipeline.Remove(id);
      return status;
    }
    served.queue.max_queued_images = *source.max_queued_images;
    return served;
  } catch (...) {
    return CaughtStatus();
  }
}

void CascadeHost::Retire(const LoadedVersion& version) {
  MutexLock lock(mutex_);
  versions_.at(version.id).version.retired = true;
}

void CascadeHost::TellMetrics() const {
  std::vector<CascadeState> states;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, held] : versions_) {
      states.push_back({.cascade = held.version.name,
                        .digest = held.version.digest,
                        .serves = !held.version.retired,
                        .load_time = held.load_time,
                        .memory = held.memory});
    }
  }
  use_.metrics.state().SetCascades(states);
}

absl::Status CascadeHost::Bury(const LoadedVersion& version) {
  const absl::Time start = use_.clock.Now();
  if (!use_.scheduler.WaitUntilGone(version.id, absl::InfiniteFuture())) {
    return ErrorWithReason(absl::StatusCode::kUnavailable, kShutDown,
                           "the server ended first");
  }
  use_.pipeline.Remove(version.id);
  {
    MutexLock lock(mutex_);
    versions_.erase(version.id);
  }
  TellMetrics();
  use_.logger.Log(LogLevel::kInfo, "cascade_unloaded",
                  {{"cascade", version.name},
                   {"version", version.id},
                   {"digest", version.digest},
                   {"took", use_.clock.Now() - start}});
  return absl::OkStatus();
}

}  // namespace cascade
