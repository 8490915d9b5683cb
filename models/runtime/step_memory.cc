#include "models/runtime/step_memory.h"

#include <utility>
#include <vector>

#include "models/host_stage_output.h"
#include "models/runtime/allocation_peak.h"
#include "models/runtime/slot_pool.h"
#include "models/runtime/torch_stage_executor.h"
#include "models/sampling/counter_noise.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// An image of one row a line.
absl::StatusOr<ImagePlan> TrialPlan(const StageSpec& spec) {
  SamplerOptions sampler = spec.default_sampler;
  sampler.guidance.scale = 1;
  ASSIGN_OR_RETURN(SamplerTable table, CompileSampler(spec.diffusion, sampler));
  ImagePlan plan;
  plan.table = std::make_shared<SamplerTable>(std::move(table));
  if (spec.num_classes > 0) plan.class_id = 0;
  if (spec.low_resolution > 0) {
    const size_t size = static_cast<size_t>(spec.low_resolution);
    plan.input = std::make_shared<HostStageOutput>(
        spec.channels, spec.low_resolution,
        std::vector<float>(static_cast<size_t>(spec.channels) * size * size));
  }
  return plan;
}

}  // namespace

absl::StatusOr<int64_t> MeasureBytesPerRow(
    const StageSpec& spec, std::shared_ptr<const StageNetwork> network,
    const ExecutorLimits& limits) {
  ASSIGN_OR_RETURN(const ImagePlan plan, TrialPlan(spec));
  const int64_t num_rows = limits.batch_rows.back();
  ExecutorLimits trial = limits;
  trial.slots = limits.batch_rows.back();

  const AllocationPeak peak(network->device());
  ASSIGN_OR_RETURN(const auto executor, TorchStageExecutor::Create(
                                            spec, std::move(network), trial,
                                            std::make_shared<CounterNoise>()));
  ASSIGN_OR_RETURN(const std::vector<Slot> slots,
                   executor->Admit(std::vector<ImagePlan>(
                       static_cast<size_t>(num_rows), plan)));
  std::vector<StepRow> rows;
  for (Slot slot : slots) rows.push_back({.slot = slot, .wants_pixels = true});
  ASSIGN_OR_RETURN(const Ticket ticket, executor->Enqueue(rows));
  RETURN_IF_ERROR(executor->Wait(ticket).status());

  const int64_t slot_bytes = num_rows * SlotPool::BytesPerSlot(spec);
  return (peak.bytes() - slot_bytes + num_rows - 1) / num_rows;
}

}  // namespace cascade
