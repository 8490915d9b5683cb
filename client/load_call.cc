#include "client/load_call.h"

#include <utility>

#include "absl/time/clock.h"

namespace cascade {

void LoadCall::Start(v1::ImageGenerationService::Stub& stub, LoadTimer& timer,
                     const LoadEntry& entry, PlannedRequest planned,
                     const Options& options, DoneCallback on_done) {
  const std::shared_ptr<LoadCall> call(new LoadCall(
      timer, entry, std::move(planned), options, std::move(on_done)));
  call->self_ = call;
  if (options.cancel_time != absl::InfiniteFuture()) {
    timer.At(options.cancel_time, [weak = std::weak_ptr<LoadCall>(call)] {
      if (const auto alive = weak.lock()) alive->context_.TryCancel();
    });
  }
  stub.async()->GenerateImage(&call->context_, &call->planned_.request,
                              call.get());
  // The timer's reads come from outside of gRPC's reactions.
  if (call->ReadsSlowly()) call->AddHold();
  call->ReadNext();
  call->StartCall();
}

LoadCall::LoadCall(LoadTimer& timer, const LoadEntry& entry,
                   PlannedRequest planned, const Options& options,
                   DoneCallback on_done)
    : timer_(timer),
      target_stage_(entry.target_stage),
      planned_(std::move(planned)),
      options_(options),
      check_(planned_.request),
      on_done_(std::move(on_done)) {
  if (entry.deadline != absl::InfiniteDuration()) {
    context_.set_deadline(absl::ToChronoTime(options.due + entry.deadline));
  }
  if (!entry.tenant.empty()) {
    context_.AddMetadata("x-cascade-tenant", entry.tenant);
  }
  reply_.entry = planned_.entry;
  reply_.reads_slowly = planned_.reads_slowly;
  reply_.due = options.due;
}

double LoadCall::Elapsed() const {
  return absl::ToDoubleSeconds(absl::Now() - options_.due);
}

void LoadCall::ReadNext() {
  if (!ReadsSlowly()) return StartRead(&event_);
  timer_.At(absl::Now() + options_.read_delay,
            [self = shared_from_this()] { self->StartRead(&self->event_); });
}

void LoadCall::OnReadDone(bool ok) {
  if (ok) {
    Take(event_);
    ReadNext();
  } else if (ReadsSlowly()) {
    RemoveHold();
  }
}

void LoadCall::Take(const v1::GenerateImageResponse& event) {
  admitted_ = true;
  check_.Add(event);
  if (event.has_preview() && !reply_.first_preview.has_value()) {
    reply_.first_preview = Elapsed();
  }
  if (event.has_stage_image()) TakeImage(event.stage_image().stage());
  if (event.has_finished()) {
    reply_.images = images_[event.finished().record().target_stage()];
    reply_.reduced = event.finished().record().reduced_for_deadline();
  }
}

void LoadCall::TakeImage(int stage) {
  if (stage < 0 || stage > target_stage_) return;  // One of check_'s problems.
  ++images_[stage];
  reply_.stage_images.resize(static_cast<size_t>(target_stage_) + 1);
  auto& first = reply_.stage_images[static_cast<size_t>(stage)];
  if (!first.has_value()) first = Elapsed();
}

void LoadCall::OnDone(const grpc::Status& status) {
  reply_.latency = Elapsed();
  reply_.status = ReadCallStatus(status, context_);
  reply_.outcome =
      OutcomeOf(reply_.status, admitted_, planned_.cancel_after.has_value());
  reply_.problems = check_.Problems(status.ok());
  LoadReply reply = std::move(reply_);
  const DoneCallback on_done = std::move(on_done_);
  // Before its owner hears of the end: the last one to hold a channel must not
  // be one of gRPC's threads, which would have to wait for itself.
  self_.reset();
  on_done(std::move(reply));
}

}  // namespace cascade
