#include "server/scheduler/fair_share.h"

#include <algorithm>
#include <utility>

namespace cascade {
namespace {

constexpr char kDefaultTenant[] = "default";

}  // namespace

FairShare::FairShare(TenantTable table) {
  const auto named = table.named.extract(kDefaultTenant);
  tenants_.push_back(
      {.name = kDefaultTenant,
       .limits = named.empty() ? table.fallback : named.mapped()});
  for (auto& [name, limits] : table.named) {
    index_[name] = num_tenants();
    tenants_.push_back({.name = name, .limits = limits});
  }
}

int FairShare::Index(std::string_view tenant) const {
  const auto found = index_.find(tenant);
  return found == index_.end() ? 0 : found->second;
}

void FairShare::Begin(int tenant, int images) {
  Tenant& self = At(tenant);
  if (self.images == 0) {
    self.virtual_time = std::max(self.virtual_time, VirtualTime());
  }
  self.images += images;
}

void FairShare::End(int tenant, int images) { At(tenant).images -= images; }

void FairShare::Charge(int tenant, absl::Duration device_time) {
  Tenant& self = At(tenant);
  self.charged += device_time;
  self.virtual_time += device_time / self.limits.weight;
}

absl::Duration FairShare::Ahead(int tenant) const {
  const Tenant& self = At(tenant);
  if (self.images == 0) return absl::ZeroDuration();
  return self.virtual_time - VirtualTime();
}

absl::Duration FairShare::VirtualTime() const {
  absl::Duration least_active = absl::InfiniteDuration();
  absl::Duration most;
  for (const Tenant& tenant : tenants_) {
    most = std::max(most, tenant.virtual_time);
    if (tenant.images == 0) continue;
    least_active = std::min(least_active, tenant.virtual_time);
  }
  return least_active == absl::InfiniteDuration() ? most : least_active;
}

}  // namespace cascade
