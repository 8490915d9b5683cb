#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "models/runtime/image_start.h"
#include "models/runtime/network_batches.h"
#include "models/runtime/slot_pool.h"
#include "models/runtime/slot_state.h"
#include "models/runtime/stage_network.h"
#include "models/runtime/step_kernels.h"
#include "models/sampling/noise_source.h"
#include "models/stage_executor.h"

namespace cascade {

// StageExecutor over LibTorch.
//
// A step gathers the rows of its images, runs the network once (or in several
// batches of exact sizes, see BatchSplit), and updates all images in one pass.
// Each slot's next x is written beside the current one, and the slot's line
// moves on last, so a step that fails has not happened.
class TorchStageExecutor final : public StageExecutor {
 public:
  // `limits` are those of `network` on its device. Sets the calling thread to
  // one intra-op thread: lanes are the parallelism.
  static absl::StatusOr<std::unique_ptr<TorchStageExecutor>> Create(
      const StageSpec& spec, std::shared_ptr<const StageNetwork> network,
      const ExecutorLimits& limits, std::shared_ptr<const NoiseSource> noise);

  const StageSpec& spec() const override { return spec_; }
  const ExecutorLimits& limits() const override { return limits_; }

  absl::StatusOr<std::vector<Slot>> Admit(
      std::span<const ImagePlan> plans) override;
  absl::StatusOr<Ticket> Enqueue(std::span<const StepRow> rows) override;
  absl::StatusOr<StepOutcome> Wait(Ticket ticket) override;
  absl::StatusOr<std::shared_ptr<const StageOutput>> Export(Slot slot) override;
  absl::StatusOr<std::shared_ptr<const ParkedImage>> Park(Slot slot) override;
  void Release(std::span<const Slot> slots) override;

  // The x0 estimate of the slot's last line, channels first: what a preview
  // shows. FAILED_PRECONDITION before the first line.
  absl::StatusOr<std::vector<float>> X0Estimate(Slot slot) const;
  // The slot's x as it is between two lines.
  absl::StatusOr<std::vector<float>> X(Slot slot) const;

 private:
  TorchStageExecutor(const StageSpec& spec,
                     std::shared_ptr<const StageNetwork> network,
                     const ExecutorLimits& limits,
                     std::shared_ptr<const NoiseSource> noise);

  absl::Status CheckRows(std::span<const StepRow> rows) const;
  absl::StatusOr<const SlotState*> Find(Slot slot) const;
  absl::StatusOr<StepOutcome> Step(std::span<const StepRow> rows);
  // Fills network_rows_ and update_rows_.
  void Plan(std::span<const StepRow> rows);
  // Of the next line; kept until the next step.
  const float* Noise(Slot slot, size_t index);
  // Of a row whose images are written and whose line has not moved on.
  RowOutcome Outcome(const StepRow& row, bool finite) const;
  HostImage Pixels(const at::Tensor& image) const;

  size_t MaxRows() const;
  const SamplerLine& NextLine(Slot slot) const;
  SlotState& State(Slot slot) { return slots_[static_cast<size_t>(slot)]; }
  const SlotState& State(Slot slot) const {
    return slots_[static_cast<size_t>(slot)];
  }

  const StageSpec spec_;
  const ExecutorLimits limits_;
  const std::shared_ptr<const NoiseSource> noise_;
  const ImageStart start_;
  const std::unique_ptr<StepKernels> kernels_;

  SlotPool pool_;
  std::vector<SlotState> slots_;
  std::vector<Slot> free_slots_;

  const at::Tensor noise_rows_;  // As many as the largest batch, on the host.
  NetworkBatches batches_;
  // Reused by each step.
  std::vector<NetworkRow> network_rows_;
  std::vector<UpdateRow> update_rows_;

  Ticket last_ticket_ = 0;
  std::map<Ticket, StepOutcome> outcomes_;  // Not yet waited for.
};

}  // namespace cascade
