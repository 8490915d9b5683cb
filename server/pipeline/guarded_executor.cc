#include "server/pipeline/guarded_executor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/caught_status.h"

namespace cascade {
GuardedExecutor::GuardedExecutor(std::unique_ptr<StageExecutor> executor)
    : executor_(std::move(executor)) {}

template <typename Call>
auto GuardedExecutor::Guard(Call call) -> decltype(call()) {
  if (!loss_.ok()) return loss_;
  try {
    auto result = call();
    if (absl::IsUnavailable(result.status())) loss_ = result.status();
    return result;
  } catch (...) {
    return CaughtStatus();
  }
}

absl::StatusOr<std::vector<Slot>> GuardedExecutor::Admit(
    std::span<const ImagePlan> plans) {
  return Guard([&] { return executor_->Admit(plans); });
}

absl::StatusOr<Ticket> GuardedExecutor::Enqueue(std::span<const StepRow> rows) {
  return Guard([&] { return executor_->Enqueue(rows); });
}

absl::StatusOr<StepOutcome> GuardedExecutor::Wait(Ticket ticket) {
  return Guard([&] { return executor_->Wait(ticket); });
}

absl::StatusOr<std::shared_ptr<const StageOutput>> GuardedExecutor::Export(
    Slot slot) {
  return Guard([&] { return executor_->Export(slot); });
}

absl::StatusOr<std::shared_ptr<const ParkedImage>> GuardedExecutor::Park(
    Slot slot) {
  return Guard([&] { return executor_->Park(slot); });
}

void GuardedExecutor::Release(std::span<const Slot> slots) {
  if (!loss_.ok()) return;
  try {
    executor_->Release(slots);
  } catch (...) {
    loss_ = absl::UnavailableError(
        absl::StrCat("slots were not freed: ", CaughtStatus().message()));
  }
}

}  // namespace cascade
