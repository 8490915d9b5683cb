#pragma once

#include <memory>
#include <vector>

#include "models/stage_executor.h"

namespace cascade {

// An executor behind a wall: what is thrown inside becomes a status, and a lost
// device is called no more.
//
// Owned by one lane, as the executor that it owns.
class GuardedExecutor : public StageExecutor {
 public:
  explicit GuardedExecutor(std::unique_ptr<StageExecutor> executor);

  // OK until the executor said UNAVAILABLE, or threw while it freed slots: who
  // knows then which are free. The answer to every call from then on.
  const absl::Status& loss() const { return loss_; }

  const StageSpec& spec() const override { return executor_->spec(); }
  const ExecutorLimits& limits() const override { return executor_->limits(); }

  // As StageExecutor has them; exceptions as CaughtStatus().
  absl::StatusOr<std::vector<Slot>> Admit(
      std::span<const ImagePlan> plans) override;
  absl::StatusOr<Ticket> Enqueue(std::span<const StepRow> rows) override;
  absl::StatusOr<StepOutcome> Wait(Ticket ticket) override;
  absl::StatusOr<std::shared_ptr<const StageOutput>> Export(Slot slot) override;
  absl::StatusOr<std::shared_ptr<const ParkedImage>> Park(Slot slot) override;
  void Release(std::span<const Slot> slots) override;

 private:
  // Makes one call of the executor, whose answer is a StatusOr.
  template <typename Call>
  auto Guard(Call call) -> decltype(call());

  const std::unique_ptr<StageExecutor> executor_;
  absl::Status loss_;
};

}  // namespace cascade
