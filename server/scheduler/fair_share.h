#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "server/job/generation_request.h"

namespace cascade {

// What a tenant may have at most.
struct TenantLimits {
  double weight = 1;         // Its share of the device time; above 0.
  int max_images = 1 << 20;  // Admitted and not done.
  Priority max_priority = Priority::kInteractive;
};

// Who the tenants are. Every name that is not in `named` counts as "default",
// which has the limits of `fallback` unless it is named as well.
struct TenantTable {
  TenantLimits fallback = {};
  std::map<std::string, TenantLimits> named = {};
};

// Who has had how much of the devices: weighted fair sharing between tenants by
// start-time fair queueing (Goyal, Vin, Cheng 1996).
//
// A tenant's virtual time is the device time that it was charged over its
// weight. Whoever runs the tenant with the least of it first gives tenants that
// always have work device time in proportion to their weights, up to one charge
// of each. The virtual time of the server is that of the least served active
// tenant; when all are idle, the most that anybody reached. A tenant that
// becomes active starts there, so idleness earns nothing, unless it is beyond
// it, so that a pause forgives nothing either.
//
// Not thread-safe: the Scheduler's lock guards it.
class FairShare {
 public:
  explicit FairShare(TenantTable table);

  // 0 is "default": also that of "" and of unknown names.
  int Index(std::string_view tenant) const;
  int num_tenants() const { return static_cast<int>(tenants_.size()); }
  const std::string& name(int tenant) const { return At(tenant).name; }
  const TenantLimits& limits(int tenant) const { return At(tenant).limits; }

  // Images admitted and not done. A tenant with some is active.
  int images(int tenant) const { return At(tenant).images; }
  void Begin(int tenant, int images);
  void End(int tenant, int images);

  // Of any tenant: the step of an image may end after it.
  void Charge(int tenant, absl::Duration device_time);

  // Its virtual time minus that of the least served active tenant. Zero of an
  // idle one.
  absl::Duration Ahead(int tenant) const;

  // Device time in all.
  absl::Duration charged(int tenant) const { return At(tenant).charged; }

 private:
  struct Tenant {
    std::string name;
    TenantLimits limits;
    int images = 0;
    absl::Duration charged = absl::ZeroDuration();
    absl::Duration virtual_time = absl::ZeroDuration();
  };

  const Tenant& At(int tenant) const {
    return tenants_[static_cast<size_t>(tenant)];
  }
  Tenant& At(int tenant) { return tenants_[static_cast<size_t>(tenant)]; }
  // Of the server.
  absl::Duration VirtualTime() const;

  std::vector<Tenant> tenants_;  // "default", then the others by name.
  std::map<std::string, int, std::less<>> index_;
};

}  // namespace cascade
