#include "models/runtime/torch_stage_executor.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "models/runtime/plan_check.h"
#include "models/runtime/torch_parked_image.h"
#include "models/runtime/torch_stage_output.h"
#include "models/runtime/torch_status.h"
#include "models/sampling/counter_noise.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Lanes are the parallelism, so each runs on one thread. OpenMP's setting
// belongs to the thread that makes it.
void UseOneThread() {
  thread_local bool done = false;
  if (done) return;
  at::set_num_threads(1);
  done = true;
}

std::vector<float> ToVector(const at::Tensor& image) {
  const at::Tensor host = image.cpu().contiguous();
  const float* values = host.const_data_ptr<float>();
  return {values, values + host.numel()};
}

// A stream of the executor's own on a card.
std::optional<c10::Stream> NewStream(at::Device device) {
  if (device.is_cpu()) return std::nullopt;
  return c10::impl::VirtualGuardImpl(device.type())
      .getStreamFromGlobalPool(device);
}

absl::Status SlotError(Slot slot, absl::string_view problem) {
  return absl::FailedPreconditionError(
      absl::StrCat("slot ", slot, " ", problem));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TorchStageExecutor>> TorchStageExecutor::Create(
    const StageSpec& spec, std::shared_ptr<const StageNetwork> network,
    const ExecutorLimits& limits, std::shared_ptr<const NoiseSource> noise) {
  return CatchTorch(
      [&]() -> absl::StatusOr<std::unique_ptr<TorchStageExecutor>> {
        UseOneThread();
        const std::optional<c10::Stream> stream = NewStream(network->device());
        const c10::OptionalStreamGuard guard(stream);
        return std::unique_ptr<TorchStageExecutor>(new TorchStageExecutor(
            spec, std::move(network), limits, std::move(noise), stream));
      });
}

TorchStageExecutor::TorchStageExecutor(
    const StageSpec& spec, std::shared_ptr<const StageNetwork> network,
    const ExecutorLimits& limits, std::shared_ptr<const NoiseSource> noise,
    std::optional<c10::Stream> stream)
    : spec_(spec),
      limits_(limits),
      stream_(stream),
      noise_(std::move(noise)),
      start_(spec, noise_),
      kernels_(network->MakeStepKernels(spec, limits.batch_rows.back())),
      kernels_make_noise_(kernels_->makes_noise() &&
                          dynamic_cast<const CounterNoise*>(noise_.get()) !=
                              nullptr),
      pool_(spec, limits.slots, network->device()),
      slots_(static_cast<size_t>(limits.slots)),
      free_slots_(static_cast<size_t>(limits.slots)),
      noise_rows_(EmptyImages(spec, limits.batch_rows.back(), at::kCPU)),
      batches_(spec, std::move(network), limits) {
  // The lowest first, so that a lightly used pool stays in few pages.
  std::iota(free_slots_.rbegin(), free_slots_.rend(), 0);
}

c10::OptionalStreamGuard TorchStageExecutor::OnStream() const {
  return c10::OptionalStreamGuard(stream_);
}

// Admission.

absl::StatusOr<std::vector<Slot>> TorchStageExecutor::Admit(
    std::span<const ImagePlan> plans) {
  std::vector<const TorchParkedImage*> parked(plans.size(), nullptr);
  std::vector<SlotState> states;
  for (size_t i = 0; i < plans.size(); ++i) {
    RETURN_IF_ERROR(CheckPlan(spec_, plans[i]));
    states.push_back(start_.State(plans[i]));
    if (plans[i].parked == nullptr) continue;
    ASSIGN_OR_RETURN(parked[i], FindParked(spec_, plans[i], states[i]));
    states[i] = parked[i]->state();
  }
  if (plans.size() > free_slots_.size()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("stage ", spec_.name, " has ", free_slots_.size(),
                     " free slots of the ", plans.size(), " asked for"));
  }
  return CatchTorch([&]() -> absl::StatusOr<std::vector<Slot>> {
    const c10::InferenceMode inference;
    const auto on_stream = OnStream();
    std::vector<Slot> slots(
        free_slots_.rbegin(),
        free_slots_.rbegin() + static_cast<std::ptrdiff_t>(plans.size()));
    for (size_t i = 0; i < plans.size(); ++i) {
      if (parked[i] != nullptr) {
        parked[i]->CopyTo(pool_, slots[i]);
      } else {
        start_.Fill(plans[i], pool_, slots[i]);
      }
    }
    // From here on nothing fails.
    free_slots_.resize(free_slots_.size() - plans.size());
    for (size_t i = 0; i < plans.size(); ++i) {
      State(slots[i]) = std::move(states[i]);
      State(slots[i]).admission = ++last_admission_;
    }
    return slots;
  });
}

void TorchStageExecutor::Release(std::span<const Slot> slots) {
  for (Slot slot : slots) {
    // A slot that is free already stays free.
    if (!Find(slot).ok()) continue;
    State(slot) = SlotState();
    free_slots_.push_back(slot);
  }
}

// A step.

absl::StatusOr<const SlotState*> TorchStageExecutor::Find(Slot slot) const {
  if (slot < 0 || slot >= limits_.slots) {
    return absl::InvalidArgumentError(
        absl::StrCat("slot ", slot, " is not in 0..", limits_.slots - 1));
  }
  const SlotState& state = State(slot);
  if (state.table == nullptr) return SlotError(slot, "is free");
  return &state;
}

absl::Status TorchStageExecutor::CheckRows(
    std::span<const StepRow> rows) const {
  if (rows.empty()) return absl::InvalidArgumentError("rows: there are none");
  std::set<Slot> seen;
  size_t network_rows = 0;
  for (const StepRow& row : rows) {
    ASSIGN_OR_RETURN(const SlotState* state, Find(row.slot));
    if (state->lost) return SlotError(row.slot, "became infinite or NaN");
    if (static_cast<size_t>(state->line) >= state->table->lines.size()) {
      return SlotError(row.slot, "has no lines left");
    }
    if (!seen.insert(row.slot).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("slot ", row.slot, " is in the step twice"));
    }
    network_rows += static_cast<size_t>(RowsOf(NextLine(row.slot)));
  }
  if (network_rows > MaxRows()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the step takes ", network_rows,
                     " network rows, and the most is ", MaxRows()));
  }
  return absl::OkStatus();
}

absl::StatusOr<Ticket> TorchStageExecutor::Enqueue(
    std::span<const StepRow> rows) {
  RETURN_IF_ERROR(CheckRows(rows));
  UseOneThread();
  if (pending_.size() == kMaxPendingSteps) FinishOldest();
  ASSIGN_OR_RETURN(Pending pending, CatchTorch([&] { return Submit(rows); }));
  // From here on nothing fails.
  pending.ticket = ++last_ticket_;
  for (const StepRow& row : rows) ++State(row.slot).line;
  pending_.push_back(std::move(pending));
  return last_ticket_;
}

absl::StatusOr<StepOutcome> TorchStageExecutor::Wait(Ticket ticket) {
  while (!pending_.empty() && pending_.front().ticket <= ticket) FinishOldest();
  auto node = outcomes_.extract(ticket);
  if (node.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("ticket ", ticket, " is not of a step under way"));
  }
  return std::move(node.mapped());
}

absl::StatusOr<TorchStageExecutor::Pending> TorchStageExecutor::Submit(
    std::span<const StepRow> rows) {
  const absl::Time start = absl::Now();
  const c10::InferenceMode inference;
  const auto on_stream = OnStream();
  Pending pending;
  pending.rows = PendingRows(rows);
  Plan(pending.rows);
  pending.padded_rows =
      batches_.SpareRows(static_cast<int>(network_rows_.size()));
  kernels_->Begin(network_rows_, update_rows_);
  const at::Tensor output =
      batches_.Run(network_rows_.size(), pool_, *kernels_);
  pending.step = kernels_->Update(output, pool_);
  pending.host_time = absl::Now() - start;
  return pending;
}

std::vector<TorchStageExecutor::Pending::Row> TorchStageExecutor::PendingRows(
    std::span<const StepRow> rows) const {
  std::vector<Pending::Row> pending(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    pending[i].slot = rows[i].slot;
    pending[i].admission = State(rows[i].slot).admission;
    if (!rows[i].wants_pixels) continue;
    HostImage& image = pending[i].pixels.emplace();
    image.height = image.width = spec_.resolution;
    image.channels = spec_.channels;
    image.pixels.resize(static_cast<size_t>(pool_.x.stride(0)));
  }
  return pending;
}

void TorchStageExecutor::Plan(std::vector<Pending::Row>& rows) {
  network_rows_.clear();
  update_rows_.clear();
  for (size_t i = 0; i < rows.size(); ++i) {
    const Slot slot = rows[i].slot;
    const SlotState& state = State(slot);
    const SamplerLine& line = NextLine(slot);
    UpdateRow update;
    update.line = &line;
    update.guidance_scale = state.table->guidance_scale;
    update.learned_variance = state.table->learned_variance;
    update.output_row = static_cast<int64_t>(network_rows_.size());
    update.x_row = SlotPool::XRow(slot, state.line);
    NetworkRow row = {.x_row = update.x_row,
                      .low_res_row = slot,
                      .c_in = line.c_in,
                      .timestep = line.timestep,
                      .class_id = state.class_id,
                      .augmentation = state.augmentation};
    network_rows_.push_back(row);
    if (line.guided) {
      update.unconditional_row = static_cast<int64_t>(network_rows_.size());
      row.class_id = spec_.num_classes;
      network_rows_.push_back(row);
    }
    update.next_x_row = SlotPool::XRow(slot, state.line + 1);
    for (int k = 0; k < kHistoryLength; ++k) {
      update.x0_rows[static_cast<size_t>(k)] =
          SlotPool::X0Row(slot, state.line + kHistoryLength - k);
    }
    if (line.adds_noise) {
      update.noise_key = {.seed = state.image_seed,
                          .stage = static_cast<uint32_t>(spec_.index),
                          .purpose = NoisePurpose::kStep,
                          .step = static_cast<uint32_t>(state.line)};
      if (!kernels_make_noise_) update.noise = Noise(update.noise_key, i);
    }
    if (rows[i].pixels.has_value()) update.pixels = rows[i].pixels->pixels;
    const bool finishes =
        static_cast<size_t>(state.line) + 1 == state.table->lines.size();
    update.pixels_of_x = finishes && !state.table->stop_timestep.has_value();
    update_rows_.push_back(update);
  }
}

const float* TorchStageExecutor::Noise(const NoiseKey& key, size_t index) {
  float* noise = HostRow(noise_rows_, static_cast<int64_t>(index));
  noise_->Fill(key, {noise, static_cast<size_t>(noise_rows_.stride(0))});
  return noise;
}

void TorchStageExecutor::FinishOldest() {
  Pending pending = std::move(pending_.front());
  pending_.pop_front();
  absl::StatusOr<StepOutcome> outcome =
      CatchTorch([&] { return Finish(pending); });
  for (const Pending::Row& row : pending.rows) {
    SlotState& state = State(row.slot);
    if (!outcome.ok() && state.admission == row.admission) --state.line;
  }
  outcomes_.emplace(pending.ticket, std::move(outcome));
}

absl::StatusOr<StepOutcome> TorchStageExecutor::Finish(Pending& pending) {
  const auto on_stream = OnStream();
  const StepResult result = pending.step->Wait();
  StepOutcome outcome;
  outcome.device_time = result.device_time.value_or(pending.host_time);
  outcome.padded_rows = pending.padded_rows;
  outcome.rows.resize(pending.rows.size());
  for (size_t i = 0; i < pending.rows.size(); ++i) {
    Pending::Row& row = pending.rows[i];
    RowOutcome& made = outcome.rows[i];
    made.finite = result.finite[i];
    SlotState& state = State(row.slot);
    if (state.admission == row.admission) {
      // What an earlier step lost stays lost, whatever it looks like now.
      state.lost = state.lost || !made.finite;
      made.finite = !state.lost;
    }
    if (made.finite) made.pixels = std::move(row.pixels);
  }
  return outcome;
}

// Reading a slot.

absl::StatusOr<const SlotState*> TorchStageExecutor::FindWhole(Slot slot) {
  while (!pending_.empty()) FinishOldest();
  ASSIGN_OR_RETURN(const SlotState* state, Find(slot));
  if (state->lost) return SlotError(slot, "became infinite or NaN");
  return state;
}

absl::StatusOr<std::shared_ptr<const StageOutput>> TorchStageExecutor::Export(
    Slot slot) {
  ASSIGN_OR_RETURN(const SlotState* state, FindWhole(slot));
  if (static_cast<size_t>(state->line) < state->table->lines.size()) {
    return SlotError(slot, "has lines left");
  }
  return CatchTorch(
      [&]() -> absl::StatusOr<std::shared_ptr<const StageOutput>> {
        const c10::InferenceMode inference;
        const auto on_stream = OnStream();
        const std::optional<int> stop = state->table->stop_timestep;
        return std::make_shared<TorchStageOutput>(
            pool_.x.select(0, SlotPool::XRow(slot, state->line)).clone(),
            stop.has_value() ? *stop + 1 : 0);
      });
}

absl::StatusOr<std::shared_ptr<const ParkedImage>> TorchStageExecutor::Park(
    Slot slot) {
  ASSIGN_OR_RETURN(const SlotState* state, FindWhole(slot));
  return CatchTorch(
      [&]() -> absl::StatusOr<std::shared_ptr<const ParkedImage>> {
        const c10::InferenceMode inference;
        const auto on_stream = OnStream();
        return std::make_shared<TorchParkedImage>(spec_, *state, pool_, slot);
      });
}

absl::StatusOr<std::vector<float>> TorchStageExecutor::X0Estimate(
    Slot slot) const {
  ASSIGN_OR_RETURN(const SlotState* state, Find(slot));
  if (state->line == 0) return SlotError(slot, "has no x0 estimate yet");
  const auto on_stream = OnStream();
  return ToVector(pool_.x0.select(0, SlotPool::X0Row(slot, state->line - 1)));
}

absl::StatusOr<std::vector<float>> TorchStageExecutor::X(Slot slot) const {
  ASSIGN_OR_RETURN(const SlotState* state, Find(slot));
  const auto on_stream = OnStream();
  return ToVector(pool_.x.select(0, SlotPool::XRow(slot, state->line)));
}

size_t TorchStageExecutor::MaxRows() const {
  return static_cast<size_t>(limits_.batch_rows.back());
}

const SamplerLine& TorchStageExecutor::NextLine(Slot slot) const {
  const SlotState& state = State(slot);
  return state.table->lines[static_cast<size_t>(state.line)];
}

}  // namespace cascade
