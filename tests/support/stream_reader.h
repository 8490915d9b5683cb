#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/base/mutex.h"
#include "server/job/event_stream.h"

namespace cascade {

// Reads an EventStream from a test's thread. Keep it until its stream has
// answered.
class StreamReader {
 public:
  explicit StreamReader(std::shared_ptr<EventStream> events)
      : events_(std::move(events)), answer_(std::make_shared<Answer>()) {}

  // Blocks until there is an event or the end.
  EventStream::Item Next() {
    events_->Next([answer = answer_](EventStream::Item item) {
      MutexLock lock(answer->mutex);
      answer->item = std::move(item);
      answer->changed.SignalAll();
    });
    MutexLock lock(answer_->mutex);
    while (!answer_->item.has_value()) answer_->changed.Wait(answer_->mutex);
    return *std::exchange(answer_->item, std::nullopt);
  }

  // Blocks until the end: every event before it goes to `events`.
  absl::Status ReadAll(std::vector<EncodedJobEvent>* events = nullptr) {
    while (true) {
      EventStream::Item item = Next();
      if (!item.event.has_value()) return item.end;
      if (events != nullptr) events->push_back(*std::move(item.event));
    }
  }

 private:
  struct Answer {
    Mutex mutex;
    CondVar changed;
    std::optional<EventStream::Item> item ABSL_GUARDED_BY(mutex);
  };

  const std::shared_ptr<EventStream> events_;
  const std::shared_ptr<Answer> answer_;
};

}  // namespace cascade
