#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>

#include <deque>
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
//
// On a card everything runs on a stream of the executor's own, in the order of
// the calls, and Enqueue() only submits: up to kMaxPendingSteps steps are under
// way, so a slot may be in the next step before the last one is waited for. Of
// a step that lost an image only Wait() tells, and fails the image in the steps
// after it.
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
                     std::shared_ptr<const NoiseSource> noise,
                     std::optional<c10::Stream> stream);

  // A step that was submitted.
  struct Pending {
    struct Row {
      Slot slot = 0;
      uint64_t admission = 0;
      std::optional<HostImage> pixels;  // That the step writes.
    };
    Ticket ticket = 0;
    std::vector<Row> rows;
    int padded_rows = 0;
    absl::Duration host_time;  // That submitting it took: on the CPU, all.
    std::unique_ptr<PendingStep> step;
  };

  c10::OptionalStreamGuard OnStream() const;
  absl::Status CheckRows(std::span<const StepRow> rows) const;
  absl::StatusOr<const SlotState*> Find(Slot slot) const;
  // As Find(), of a slot whose steps are done and whose image is not lost.
  absl::StatusOr<const SlotState*> FindWhole(Slot slot);
  absl::StatusOr<Pending> Submit(std::span<const StepRow> rows);
  std::vector<Pending::Row> PendingRows(std::span<const StepRow> rows) const;
  // Fills network_rows_ and update_rows_, which write to the pixels of `rows`.
  void Plan(std::vector<Pending::Row>& rows);
  // Of the next line; kept until the next step.
  const float* Noise(const NoiseKey& key, size_t index);
  // Waits for the oldest step and keeps its outcome.
  void FinishOldest();
  absl::StatusOr<StepOutcome> Finish(Pending& pending);

  size_t MaxRows() const;
  const SamplerLine& NextLine(Slot slot) const;
  SlotState& State(Slot slot) { return slots_[static_cast<size_t>(slot)]; }
  const SlotState& State(Slot slot) const {
    return slots_[static_cast<size_t>(slot)];
  }

  const StageSpec spec_;
  const ExecutorLimits limits_;
  const std::optional<c10::Stream> stream_;  // None on the CPU.
  const std::shared_ptr<const NoiseSource> noise_;
  const ImageStart start_;
  const std::unique_ptr<StepKernels> kernels_;
  const bool kernels_make_noise_;

  SlotPool pool_;
  std::vector<SlotState> slots_;
  std::vector<Slot> free_slots_;

  const at::Tensor noise_rows_;  // As many as the largest batch, on the host.
  NetworkBatches batches_;
  // Reused by each step.
  std::vector<NetworkRow> network_rows_;
  std::vector<UpdateRow> update_rows_;

  uint64_t last_admission_ = 0;
  Ticket last_ticket_ = 0;
  std::deque<Pending> pending_;                             // The oldest first.
  std::map<Ticket, absl::StatusOr<StepOutcome>> outcomes_;  // Not waited for.
};

}  // namespace cascade
