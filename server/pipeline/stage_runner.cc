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
                   " became infinite or NaN in step ", plan.line + 1,
                   " of stage ", stage_index));
}

bool HasEnded(const PlannedImage& plan) {
  return plan.ended != nullptr && plan.ended->load();
}

absl::Status Ended() {
  return ErrorWithReason(absl::StatusCode::kCancelled, kCancelled,
                         "the request has ended");
}

}  // namespace

StageRunner::StageRunner(std::unique_ptr<StageExecutor> executor,
                         StageMetrics& metrics)
    : executor_(std::move(executor)), metrics_(metrics) {}

std::vector<ImageReport> StageRunner::Step(
    int stage_index, std::span<const PlannedImage> images) {
  std::vector<ImageReport> reports(images.size());
  std::vector<Part> parts;
  for (size_t i = 0; i < images.size(); ++i) {
    reports[i].image = images[i].image;
    parts.push_back({&images[i], &reports[i]});
  }
  Admit(Remaining(parts));
  const std::vector<Part> admitted = Remaining(parts);
  Announce(stage_index, admitted);
  RunOrSplit(stage_index, admitted);
  for (const Part& part : parts) {
    if (part.plan->is_last() || !part.report->status.ok()) {
      Release(part.plan->image);
    }
  }
  return reports;
}

ParkReport StageRunner::Park(ImageId image) {
  auto parked = executor_.Park(slots_.at(image));
  if (!parked.ok()) parked = StepFailure(parked.status());
  Release(image);
  return {.image = image, .parked = std::move(parked)};
}

void StageRunner::Release(ImageId image) {
  const auto found = slots_.find(image);
  if (found == slots_.end()) return;
  executor_.Release({&found->second, 1});
  slots_.erase(found);
}

std::vector<StageRunner::Part> StageRunner::Remaining(Parts parts) {
  std::vector<Part> remaining;
  for (const Part& part : parts) {
    if (!part.report->status.ok()) continue;
    if (HasEnded(*part.plan)) {
      part.report->status = Ended();
    } else {
      remaining.push_back(part);
    }
  }
  return remaining;
}

void StageRunner::Admit(Parts parts) {
  std::vector<ImagePlan> plans;
  std::vector<Part> newcomers;
  for (const Part& part : parts) {
    if (!part.plan->admit.has_value()) continue;
    plans.push_back(*part.plan->admit);
    newcomers.push_back(part);
  }
  if (plans.empty()) return;
  const absl::StatusOr<std::vector<Slot>> slots = executor_.Admit(plans);
  if (slots.ok()) {
    for (size_t i = 0; i < newcomers.size(); ++i) {
      slots_[newcomers[i].plan->image] = (*slots)[i];
    }
    return;
  }
  // One bad image is no reason to fail the others.
  for (size_t i = 0; i < newcomers.size(); ++i) {
    const absl::StatusOr<std::vector<Slot>> slot =
        executor_.Admit({&plans[i], 1});
    if (slot.ok()) {
      slots_[newcomers[i].plan->image] = slot->front();
    } else {
      newcomers[i].report->status = StepFailure(slot.status());
    }
  }
}

void StageRunner::Announce(int stage_index, Parts parts) const {
  for (const Part& part : parts) {
    const PlannedImage& plan = *part.plan;
    // A parked image has begun already.
    if (!plan.admit.has_value() || plan.admit->parked != nullptr) continue;
    plan.events->Push(StageStartedEvent{.image_index = plan.image.index,
                                        .image_seed = plan.image_seed,
                                        .stage_index = stage_index,
                                        .num_steps = plan.num_lines});
  }
}

void StageRunner::RunOrSplit(int stage_index, Parts parts) {
  const auto fail = [](Parts some, const absl::Status& status) {
    for (const Part& part : some) {
      part.report->status.Update(StepFailure(status));
    }
  };
  const absl::Status status = Run(stage_index, parts);
  if (status.ok()) return;
  if (!absl::IsResourceExhausted(status) || parts.size() < 2) {
    return fail(parts, status);
  }
  const size_t half = parts.size() / 2;
  for (const Parts some : {parts.first(half), parts.subspan(half)}) {
    if (absl::Status again = Run(stage_index, some); !again.ok()) {
      fail(some, again);
    }
  }
}

absl::Status StageRunner::Run(int stage_index, Parts parts) {
  const std::vector<Part> remaining = Remaining(parts);
  if (remaining.empty()) return absl::OkStatus();
  std::vector<StepRow> rows;
  int network_rows = 0;
  for (const Part& part : remaining) {
    rows.push_back({.slot = slots_.at(part.plan->image),
                    .wants_pixels = part.plan->wants_pixels});
    network_rows += part.plan->rows;
  }
  ASSIGN_OR_RETURN(const Ticket ticket, executor_.Enqueue(rows));
  ASSIGN_OR_RETURN(StepOutcome outcome, executor_.Wait(ticket));
  metrics_.RecordStep({.rows = network_rows,
                       .images = static_cast<int>(remaining.size()),
                       .padded_rows = outcome.padded_rows,
                       .device_time = outcome.device_time});
  for (size_t i = 0; i < remaining.size(); ++i) {
    remaining[i].report->device_time =
        outcome.device_time * remaining[i].plan->rows / network_rows;
    Settle(stage_index, remaining[i], std::move(outcome.rows[i]));
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
  std::shared_ptr<const StageOutput> output;
  if (plan.is_last() && (plan.hands_over || plan.returns_state)) {
    auto exported = executor_.Export(slots_.at(plan.image));
    if (!exported.ok()) {
      part.report->status = StepFailure(exported.status());
      return;
    }
    output = *std::move(exported);
  }
  if (plan.hands_over) part.report->output = output;
  if (!outcome.pixels.has_value()) return;
  plan.events->Push(PictureEvent<HostImage>{
      .image_index = plan.image.index,
      .image_seed = plan.image_seed,
      .stage_index = stage_index,
      .steps_done = plan.line + 1,
      .num_steps = plan.num_lines,
      .is_preview = !plan.is_last(),
      .picture = *std::move(outcome.pixels),
      .is_estimate = plan.is_last() && plan.stops_early,
      .state = plan.returns_state ? std::move(output) : nullptr});
}

}  // namespace cascade
