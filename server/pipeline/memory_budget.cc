#include "server/pipeline/memory_budget.h"

#include "absl/strings/str_format.h"

namespace cascade {
void MemoryDemand::Add(const ExecutorLimits& stage, int num_lanes) {
  weights += stage.weight_bytes;
  slots += num_lanes * stage.slots * stage.bytes_per_slot;
  batches += num_lanes * stage.batch_rows.back() * stage.bytes_per_row;
}

absl::Status CheckMemory(const std::string& cascade,
                         const MemoryDemands& demands,
                         const MemoryBudgets& budgets) {
  for (const auto& [device, demand] : demands) {
    const MemoryBudget& budget = budgets.at(device);
    if (demand.total() <= budget.limit - budget.in_use &&
        demand.total() <= budget.free) {
      continue;
    }
    return absl::ResourceExhaustedError(absl::StrFormat(
        "cascade %s does not fit on %s: it needs %s (weights %s, slots %s, "
        "batches %s); the limit is %s, of which loaded cascades need %s, and "
        "%s are free",
        cascade, device, FormatBytes(demand.total()),
        FormatBytes(demand.weights), FormatBytes(demand.slots),
        FormatBytes(demand.batches), FormatBytes(budget.limit),
        FormatBytes(budget.in_use), FormatBytes(budget.free)));
  }
  return absl::OkStatus();
}

std::string FormatBytes(int64_t bytes) {
  constexpr double kMebibyte = 1 << 20;
  const double mebibytes = static_cast<double>(bytes) / kMebibyte;
  return mebibytes < 1024 ? absl::StrFormat("%.1f MiB", mebibytes)
                          : absl::StrFormat("%.1f GiB", mebibytes / 1024);
}

}  // namespace cascade
