#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "models/stage_executor.h"

namespace cascade {

// What a cascade takes of one device, bytes.
struct MemoryDemand {
  int64_t weights = 0;
  int64_t slots = 0;    // Of all lanes.
  int64_t batches = 0;  // A largest batch on every lane at once.

  int64_t total() const { return weights + slots + batches; }
  // Adds a stage that `num_lanes` lanes of the device run.
  void Add(const ExecutorLimits& stage, int num_lanes);
};

// What one device has, bytes.
struct MemoryBudget {
  int64_t limit = 0;   // By configuration, or all that the device has.
  int64_t in_use = 0;  // By cascades that are loaded, as their demands say.
  int64_t free = 0;    // As the device says, before the cascade was loaded.
};

// By device.
using MemoryDemands = std::map<std::string, MemoryDemand>;
using MemoryBudgets = std::map<std::string, MemoryBudget>;

// RESOURCE_EXHAUSTED, with all numbers, when a demand is more than its device's
// budget leaves. Each device of `demands` has a budget.
absl::Status CheckMemory(const std::string& cascade,
                         const MemoryDemands& demands,
                         const MemoryBudgets& budgets);

// "1.5 GiB", "300.0 MiB".
std::string FormatBytes(int64_t bytes);

}  // namespace cascade
