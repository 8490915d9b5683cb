#include "server/rpc/generate_image_reactor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"

namespace cascade {
namespace {

// A client gives up by its own timer, which runs ahead of ours by the time that
// the request travelled.
constexpr absl::Duration kDeadlineSlack = absl::Milliseconds(100);

absl::Status ClientGone(const CallRecord& record) {
  if (record.deadline() <= absl::Now() + kDeadlineSlack) {
    return ErrorWithReason(absl::StatusCode::kDeadlineExceeded,
                           kDeadlineExceeded, "the client's deadline passed");
  }
  return ErrorWithReason(absl::StatusCode::kCancelled, kCancelled,
                         "the client cancelled or went away");
}

absl::Status Stalled(absl::Duration timeout) {
  return ErrorWithReason(absl::StatusCode::kResourceExhausted, kReaderStalled,
                         absl::StrCat("the client took no data for ",
                                      absl::FormatDuration(timeout)));
}

}  // namespace

GenerateImageReactor* GenerateImageReactor::Start(
    grpc::CallbackServerContext& context, CallRecord record, EventSource source,
    Admitted admitted, absl::Duration stall_timeout, Generator& generator,
    RpcObserver& observer, OpenStreams& streams) {
  std::shared_ptr<GenerateImageReactor> reactor(new GenerateImageReactor(
      context, std::move(record), std::move(source), std::move(admitted),
      stall_timeout, generator, observer, streams));
  reactor->self_ = reactor;
  reactor->AskForEvent();
  return reactor.get();
}

GenerateImageReactor::GenerateImageReactor(
    grpc::CallbackServerContext& context, CallRecord record, EventSource source,
    Admitted admitted, absl::Duration stall_timeout, Generator& generator,
    RpcObserver& observer, OpenStreams& streams)
    : context_(context),
      source_(std::move(source)),
      job_(admitted.id),
      events_(std::move(admitted.events)),
      stall_timeout_(stall_timeout),
      generator_(generator),
      observer_(observer),
      streams_(streams),
      record_(std::move(record)) {
  streams_.Begin();
}

void GenerateImageReactor::AskForEvent() {
  events_->Next([self = shared_from_this()](EventStream::Item item) {
    self->OnItem(std::move(item));
  });
}

void GenerateImageReactor::OnItem(EventStream::Item item) {
  if (!item.event.has_value()) {
    if (!LeaveWaiting(State::kEnded)) return;
    // A picture that could not be encoded ends the stream, not yet the job.
    if (!item.end.ok()) generator_.Cancel(job_, item.end);
    End(item.end);
    return;
  }
  uint64_t write = 0;
  {
    MutexLock lock(mutex_);
    if (state_ != State::kWaiting) return;
    state_ = State::kWriting;
    write = ++num_writes_;
  }
  Write(*std::move(item.event), write);
}

void GenerateImageReactor::Write(EncodedJobEvent event, uint64_t write) {
  response_ =
      ConvertEvent(std::move(event), source_, events_->previews_dropped());
  // A new alarm for each write: one that is cancelled may still be under way.
  stall_alarm_ = std::make_unique<grpc::Alarm>();
  stall_alarm_->Set(absl::ToChronoTime(absl::Now() + stall_timeout_),
                    [self = shared_from_this(), write](bool expired) {
                      if (expired) self->OnStall(write);
                    });
  StartWrite(&response_);
}

void GenerateImageReactor::OnWriteDone(bool ok) {
  stall_alarm_->Cancel();
  absl::Status reason;
  {
    MutexLock lock(mutex_);
    if (state_ == State::kCutting) {
      cut_write_done_ = true;
      return;
    }
    if (stop_reason_.has_value()) {
      reason = *stop_reason_;
    } else if (!ok) {
      reason = ClientGone(record_);
    }
    state_ = reason.ok() ? State::kWaiting : State::kEnded;
  }
  if (reason.ok()) {
    AskForEvent();
    return;
  }
  StopJob(reason);
  End(reason);
}

void GenerateImageReactor::OnCancel() {
  const absl::Status reason = ClientGone(record_);
  bool ends_here = false;
  {
    MutexLock lock(mutex_);
    if (state_ == State::kEnded) return;
    if (state_ == State::kWaiting) {
      state_ = State::kEnded;
      ends_here = true;
    } else if (!stop_reason_.has_value()) {
      stop_reason_ = reason;
    }
  }
  StopJob(reason);
  if (ends_here) End(reason);
}

void GenerateImageReactor::OnStall(uint64_t write) {
  const absl::Status reason = Stalled(stall_timeout_);
  {
    MutexLock lock(mutex_);
    const bool in_flight = state_ == State::kWriting && num_writes_ == write;
    if (!in_flight || stop_reason_.has_value()) return;
    stop_reason_ = reason;
    state_ = State::kCutting;
  }
  observer_.ReaderStalled();
  StopJob(reason);
  // The write cannot end by itself: the client's window is full.
  context_.TryCancel();
  {
    MutexLock lock(mutex_);
    if (!cut_write_done_) {
      state_ = State::kWriting;
      return;
    }
    state_ = State::kEnded;
  }
  End(reason);
}

void GenerateImageReactor::OnDone() {
  // The alarm keeps its callback, and so this call, until it is gone.
  stall_alarm_.reset();
  // The last reference may be in a receiver or an alarm that is under way.
  const std::shared_ptr<GenerateImageReactor> last = std::move(self_);
}

void GenerateImageReactor::StopJob(absl::Status reason) {
  generator_.Cancel(job_, std::move(reason));
  events_->Abandon();
}

void GenerateImageReactor::End(const absl::Status& status) {
  observer_.PreviewsDropped(events_->previews_dropped());
  const grpc::Status last_word = record_.End(status);
  streams_.End();
  Finish(last_word);
}

bool GenerateImageReactor::LeaveWaiting(State to) {
  MutexLock lock(mutex_);
  if (state_ != State::kWaiting) return false;
  state_ = to;
  return true;
}

}  // namespace cascade
