#include "server/job/event_stream.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"

namespace cascade {
namespace {

using Pixels = PictureEvent<HostImage>;

bool IsPreview(const JobEvent& event) {
  const Pixels* pixels = std::get_if<Pixels>(&event);
  return pixels != nullptr && pixels->is_preview;
}

bool IsPreviewOf(const JobEvent& event, const Pixels& picture) {
  const Pixels* pixels = std::get_if<Pixels>(&event);
  return pixels != nullptr && pixels->is_preview &&
         pixels->image_index == picture.image_index &&
         pixels->stage_index == picture.stage_index;
}

absl::StatusOr<EncodedJobEvent> Encode(JobEvent event,
                                       const PictureEncoder& encoder,
                                       const OutputOptions& output) {
  Pixels* pixels = std::get_if<Pixels>(&event);
  if (pixels == nullptr) {
    return std::visit(
        [](auto&& other) -> EncodedJobEvent {
          using Event = std::decay_t<decltype(other)>;
          if constexpr (std::is_same_v<Event, Pixels>) {
            return PictureEvent<EncodedImage>{};
          } else {
            return std::forward<decltype(other)>(other);
          }
        },
        std::move(event));
  }
  absl::StatusOr<EncodedImage> picture =
      encoder.Encode(pixels->picture, output);
  if (!picture.ok()) {
    return ErrorWithReason(absl::StatusCode::kInternal, kEncodeFailed,
                           absl::StrCat("encoding image ", pixels->image_index,
                                        ": ", picture.status().message()));
  }
  return PictureEvent<EncodedImage>{
      .image_index = pixels->image_index,
      .image_seed = pixels->image_seed,
      .stage_index = pixels->stage_index,
      .steps_done = pixels->steps_done,
      .num_steps = pixels->num_steps,
      .is_preview = pixels->is_preview,
      .picture = *std::move(picture),
      .is_estimate = pixels->is_estimate,
      .state = std::move(pixels->state),
  };
}

}  // namespace

EventStream::EventStream(OutputOptions output, const PictureEncoder& encoder,
                         Executor& executor)
    : output_(std::move(output)), encoder_(encoder), executor_(executor) {}

void EventStream::Push(JobEvent event) {
  std::optional<JobEvent> replaced;  // Dies outside of the lock.
  {
    MutexLock lock(mutex_);
    if (end_.has_value() || abandoned_) return;
    auto old = events_.end();
    if (const Pixels* picture = std::get_if<Pixels>(&event)) {
      old = std::find_if(events_.begin(), events_.end(),
                         [picture](const JobEvent& waiting) {
                           return IsPreviewOf(waiting, *picture);
                         });
    }
    if (old == events_.end()) {
      events_.push_back(std::move(event));
    } else {
      ++previews_dropped_;
      // In the old one's place, so that no image's previews wait behind those
      // of the others for ever.
      replaced = std::exchange(*old, std::move(event));
    }
  }
  Deliver();
}

void EventStream::Close(absl::Status status, JobSummary summary) {
  std::deque<JobEvent> dropped;  // Dies outside of the lock.
  {
    MutexLock lock(mutex_);
    if (!summary_.has_value()) summary_ = std::move(summary);
    if (end_.has_value() || abandoned_) return;
    end_ = std::move(status);
    if (!end_->ok()) {
      const auto previews = std::stable_partition(
          events_.begin(), events_.end(),
          [](const JobEvent& event) { return !IsPreview(event); });
      dropped.assign(std::make_move_iterator(previews),
                     std::make_move_iterator(events_.end()));
      events_.erase(previews, events_.end());
    }
  }
  Deliver();
}

void EventStream::Next(Receiver receiver) {
  {
    MutexLock lock(mutex_);
    if (abandoned_) return;
    receiver_ = std::move(receiver);
  }
  Deliver();
}

void EventStream::Abandon() {
  std::deque<JobEvent> events;
  Receiver receiver;
  MutexLock lock(mutex_);
  abandoned_ = true;
  events.swap(events_);
  receiver = std::exchange(receiver_, nullptr);
}

std::optional<JobSummary> EventStream::summary() const {
  MutexLock lock(mutex_);
  return summary_;
}

int64_t EventStream::previews_dropped() const {
  MutexLock lock(mutex_);
  return previews_dropped_;
}

void EventStream::Deliver() {
  std::optional<JobEvent> event;
  absl::Status end;
  Receiver receiver;
  {
    MutexLock lock(mutex_);
    if (receiver_ == nullptr) return;
    if (!events_.empty()) {
      event = std::move(events_.front());
      events_.pop_front();
    } else if (end_.has_value()) {
      end = *end_;
    } else {
      return;
    }
    receiver = std::exchange(receiver_, nullptr);
  }
  // The task keeps the stream alive: its RPC may end meanwhile.
  executor_.Post([self = shared_from_this(), event = std::move(event),
                  end = std::move(end),
                  receiver = std::move(receiver)]() mutable {
    if (event.has_value()) {
      self->Send(*std::move(event), std::move(receiver));
    } else {
      receiver({.event = std::nullopt, .end = std::move(end)});
    }
  });
}

void EventStream::Send(JobEvent event, Receiver receiver) {
  {
    MutexLock lock(mutex_);
    if (abandoned_) return;
  }
  absl::StatusOr<EncodedJobEvent> encoded =
      Encode(std::move(event), encoder_, output_);
  if (encoded.ok()) {
    receiver({.event = *std::move(encoded), .end = absl::OkStatus()});
    return;
  }
  Abandon();  // The producer may go on; nobody listens.
  receiver({.event = std::nullopt, .end = encoded.status()});
}

}  // namespace cascade
