#include "server/pipeline/stage_runner.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// The error that an image ends with when its step failed.
absl::Status StepFailure(const absl::Status& status) {
  const std::string message(status.message());
  if (absl::IsResourceExhausted(status)) {
    return ErrorWithReason(absl::StatusCode::kResourceExhausted, kDeviceMemory,
                           "the device is out of memory: " + message);
  }
  return ErrorWithReason(absl::StatusCode::kInternal, kStepFailed,
                         "a step failed: " + message);
}

absl::Status NotFinite(const PlannedImage& plan, int stage_index) {
  return ErrorWithReason(
      absl::StatusCode::kInternal, kNotFinite,
      absl::StrCat("image ", plan.image.index,
                   " became infinite or NaN in "
                   "step ",
                   plan.line + 1, " of stage ", stage_index));
}

}  // namespace

StageRunner::StageRunner(std::unique_ptr<StageExecutor> executor,
                         StageMetrics& metrics)
    : executor_(std::move(executor)), metrics_(metrics) {}

StepReport StageRunner::Step(int stage_index,
                             std::span<const PlannedImage> images) {
  StepReport report;
  report.images.resize(images.size());
  for (size_t i = 0; i < images.size(); ++i) {
    report.images[i].image = images[i].image;
  }
  Admit(images, report);
  std::vector<Part> parts;
  for (size_t i = 0; i < images.size(); ++i) {
    if (report.images[i].status.ok())
      parts.push_back({&images[i], &report.images[i]});
  }
  if (parts.empty()) return report;
  Announce(stage_index, parts);
  RunOrSplit(stage_index, parts);
  for (const Part& part : parts) {
    if (part.plan->is_last() || !part.report->status.ok()) {
      Release(part.plan->image);
    }
  }
  return report;
}

void StageRunner::Release(ImageId image) {
  const auto found = slots_.find(image);
  if (found == slots_.end()) return;
  executor_->Release({&found->second, 1});
  slots_.erase(found);
}

void StageRunner::Admit(std::span<const PlannedImage> images,
                        StepReport& report) {
  std::vector<ImagePlan> plans;
  std::vector<size_t> newcomers;
  for (size_t i = 0; i < images.size(); ++i) {
    if (!images[i].admit.has_value()) continue;
    plans.push_back(*images[i].admit);
    newcomers.push_back(i);
  }
  if (plans.empty()) return;
  const absl::StatusOr<std::vector<Slot>> slots = executor_->Admit(plans);
  if (slots.ok()) {
    for (size_t k = 0; k < newcomers.size(); ++k) {
      slots_[images[newcomers[k]].image] = (*slots)[k];
    }
    return;
  }
  // One bad image is no reason to fail the others.
  for (size_t k = 0; k < newcomers.size(); ++k) {
    const absl::StatusOr<std::vector<Slot>> slot =
        executor_->Admit({&plans[k], 1});
    if (slot.ok()) {
      slots_[images[newcomers[k]].image] = slot->front();
    } else {
      report.images[newcomers[k]].status = StepFailure(slot.status());
    }
  }
}

void StageRunner::Announce(int stage_index, Parts parts) const {
  for (const Part& part : parts) {
    const PlannedImage& plan = *part.plan;
    if (!plan.admit.has_value()) continue;
    plan.events->Push(StageStartedEvent{.image_index = plan.image.index,
                                        .image_seed = plan.image_seed,
                                        .stage_index = stage_index,
                                        .num_steps = plan.num_lines});
  }
}

void StageRunner::RunOrSplit(int stage_index, Parts parts) {
  const auto run_or_fail = [this, stage_index](Parts some) {
    const absl::Status status = Run(stage_index, some);
    if (status.ok()) return;
    for (const Part& part : some) part.report->status = StepFailure(status);
  };
  if (parts.size() < 2) return run_or_fail(parts);
  const absl::Status status = Run(stage_index, parts);
  if (status.ok()) return;
  if (absl::IsResourceExhausted(status)) {
    run_or_fail(parts.first(parts.size() / 2));
    run_or_fail(parts.subspan(parts.size() / 2));
    return;
  }
  for (const Part& part : parts) part.report->status = StepFailure(status);
}

absl::Status StageRunner::Run(int stage_index, Parts parts) {
  std::vector<StepRow> rows;
  int network_rows = 0;
  for (const Part& part : parts) {
    rows.push_back({.slot = slots_.at(part.plan->image),
                    .wants_pixels = part.plan->wants_pixels});
    network_rows += part.plan->rows;
  }
  ASSIGN_OR_RETURN(const Ticket ticket, executor_->Enqueue(rows));
  ASSIGN_OR_RETURN(StepOutcome outcome, executor_->Wait(ticket));
  metrics_.RecordStep(network_rows, outcome.device_time);
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i].report->device_time =
        outcome.device_time * parts[i].plan->rows / network_rows;
    Settle(stage_index, parts[i], std::move(outcome.rows[i]));
  }
  return absl::OkStatus();
}

void StageRunner::Settle(int stage_index, const Part& part,
                         RowOutcome outcome) {
  const PlannedImage& plan = *part.plan;
  if (!outcome.finite) {
    part.report->status = NotFinite(plan, stage_index);
    return;
  }
  if (plan.is_last() && plan.hands_over) {
    absl::StatusOr<std::shared_ptr<const StageOutput>> output =
        executor_->Export(slots_.at(plan.image));
    if (!output.ok()) {
      part.report->status = StepFailure(output.status());
      return;
    }
    part.report->output = *std::move(output);
  }
  if (!outcome.pixels.has_value()) return;
  plan.events->Push(
      PictureEvent<HostImage>{.image_index = plan.image.index,
                              .image_seed = plan.image_seed,
                              .stage_index = stage_index,
                              .steps_done = plan.line + 1,
                              .num_steps = plan.num_lines,
                              .is_preview = !plan.is_last(),
                              .picture = *std::move(outcome.pixels)});
}

}  // namespace cascade
