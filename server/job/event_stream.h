#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/executor.h"
#include "server/base/mutex.h"
#include "server/job/job_event.h"
#include "server/job/job_summary.h"
#include "server/job/picture_encoder.h"

namespace cascade {

// The mailbox of one job, from the lanes to its RPC.
//
// Lanes push events and never wait. The reader asks for one event at a time;
// only then are its pixels encoded, on `executor`. So a reader that is slow
// costs no encoding, and what piles up for it is bounded: a preview replaces
// the waiting preview of the same image and stage, and a stage image removes
// it; everything else is kept, and there is at most one stage image per image
// and stage.
//
// States: open -> closed -> drained, or -> abandoned from any. Thread-safe.
// Shared by the job and its RPC; whichever ends last destroys it.
class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  // Called once, on an executor's thread: an event; or, when there will be no
  // more, the status that the stream was closed with (as an OkStatus inside
  // `end`). A picture that cannot be encoded ends the stream with INTERNAL.
  struct Item {
    std::optional<EncodedJobEvent> event;
    absl::Status end;  // Meaningful when there is no event.
  };
  using Receiver = absl::AnyInvocable<void(Item)>;

  // `executor` and `encoder` outlive the stream.
  EventStream(OutputOptions output, const PictureEncoder& encoder,
              Executor& executor);

  // Producer. Events pushed after Close() or Abandon() are dropped.
  void Push(JobEvent event) ABSL_LOCKS_EXCLUDED(mutex_);

  // Producer: no event follows. With an error status, waiting previews are
  // dropped and the reader gets what else was pushed, then the status. The
  // first call counts. `summary` is kept even where nobody reads any more.
  void Close(absl::Status status, JobSummary summary = {})
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Reader: asks for the next event. One request at a time; never calls
  // `receiver` before it returns.
  void Next(Receiver receiver) ABSL_LOCKS_EXCLUDED(mutex_);

  // Reader: nobody will ask again. Drops everything; a pending receiver is
  // dropped without a call, unless its event is being encoded already: then it
  // may still be called, once.
  void Abandon() ABSL_LOCKS_EXCLUDED(mutex_);

  // What the producer said at the end; none before.
  std::optional<JobSummary> summary() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Previews replaced or overtaken before the reader took them.
  int64_t previews_dropped() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Hands the next event to a waiting receiver, if there are both.
  void Deliver() ABSL_LOCKS_EXCLUDED(mutex_);
  // Encodes `event` and calls `receiver`. Runs on the executor.
  void Send(JobEvent event, Receiver receiver) ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after construction.
  const OutputOptions output_;
  const PictureEncoder& encoder_;
  Executor& executor_;

  mutable Mutex mutex_;
  std::deque<JobEvent> events_ ABSL_GUARDED_BY(mutex_);
  Receiver receiver_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  std::optional<JobSummary> summary_ ABSL_GUARDED_BY(mutex_);
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t previews_dropped_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cascade
