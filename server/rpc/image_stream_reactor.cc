#include "server/rpc/image_stream_reactor.h"

#include <utility>
#include <variant>

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

template <typename Response>
std::shared_ptr<ImageStreamReactor<Response>>
ImageStreamReactor<Response>::Create(grpc::CallbackServerContext& context,
                                     CallRecord record, ImageCallFacts asked,
                                     absl::Duration stall_timeout,
                                     Generator& generator,
                                     RpcObserver& observer,
                                     OpenStreams& streams) {
  std::shared_ptr<ImageStreamReactor> reactor(
      new ImageStreamReactor(context, std::move(record), std::move(asked),
                             stall_timeout, generator, observer, streams));
  reactor->self_ = reactor;
  return reactor;
}

template <typename Response>
ImageStreamReactor<Response>::ImageStreamReactor(
    grpc::CallbackServerContext& context, CallRecord record,
    ImageCallFacts asked, absl::Duration stall_timeout, Generator& generator,
    RpcObserver& observer, OpenStreams& streams)
    : context_(context),
      stall_timeout_(stall_timeout),
      generator_(generator),
      observer_(observer),
      streams_(streams),
      record_(std::move(record)),
      facts_(std::move(asked)) {
  streams_.Begin();
}

template <typename Response>
bool ImageStreamReactor<Response>::is_abandoned() const {
  MutexLock lock(mutex_);
  return stop_reason_.has_value();
}

template <typename Response>
void ImageStreamReactor<Response>::Begin(
    absl::StatusOr<AdmittedRequest> request) {
  absl::Status reason = request.status();
  if (request.ok()) {
    source_ = std::move(request->source);
    job_ = request->admitted.id;
    events_ = std::move(request->admitted.events);
  }
  {
    MutexLock lock(mutex_);
    if (stop_reason_.has_value()) reason = *stop_reason_;
    state_ = reason.ok() ? State::kWaiting : State::kEnded;
  }
  if (reason.ok()) {
    AskForEvent();
    return;
  }
  if (events_ != nullptr) StopJob(reason);
  End(reason);
}

template <typename Response>
void ImageStreamReactor<Response>::AskForEvent() {
  events_->Next([self = this->shared_from_this()](EventStream::Item item) {
    self->OnItem(std::move(item));
  });
}

template <typename Response>
void ImageStreamReactor<Response>::OnItem(EventStream::Item item) {
  if (!item.event.has_value()) {
    OnEndOfEvents(item.end);
    return;
  }
  const auto* picture = std::get_if<PictureEvent<EncodedImage>>(&*item.event);
  std::optional<Picture> sent;
  if (picture != nullptr) sent = {picture->is_preview, picture->stage_index};
  absl::StatusOr<Response> response = ConvertEvent<Response>(
      *std::move(item.event), *source_, events_->previews_dropped());
  if (!response.ok()) {
    events_->Abandon();
    OnEndOfEvents(response.status());
    return;
  }
  uint64_t write = 0;
  {
    MutexLock lock(mutex_);
    if (state_ != State::kWaiting) return;
    state_ = State::kWriting;
    write = ++num_writes_;
  }
  // Whoever has read it finds it counted.
  if (sent.has_value()) CountPicture(*sent);
  Write(*std::move(response), write);
}

template <typename Response>
void ImageStreamReactor<Response>::CountPicture(const Picture& picture) {
  const CascadeSpec& cascade = *source_->cascade;
  const absl::Duration since = absl::Now() - record_.arrival();
  if (!picture.is_preview) {
    const size_t stage = static_cast<size_t>(picture.stage);
    observer_.StageImageSent(cascade.name, cascade.stages[stage].name, since);
  } else if (++facts_.previews_sent == 1) {
    observer_.FirstPreviewSent(cascade.name, since);
  }
}

template <typename Response>
void ImageStreamReactor<Response>::OnEndOfEvents(const absl::Status& end) {
  {
    MutexLock lock(mutex_);
    if (state_ != State::kWaiting) return;
    state_ = State::kEnded;
  }
  // A picture that could not be encoded ends the stream, not yet the job.
  if (!end.ok()) generator_.Cancel(job_, end);
  End(end);
}

template <typename Response>
void ImageStreamReactor<Response>::Write(Response response, uint64_t write) {
  response_ = std::move(response);
  facts_.bytes_sent += static_cast<int64_t>(response_.ByteSizeLong());
  // A new alarm for each write: one that is cancelled may still be under way.
  stall_alarm_ = std::make_unique<grpc::Alarm>();
  stall_alarm_->Set(absl::ToChronoTime(absl::Now() + stall_timeout_),
                    [self = this->shared_from_this(), write](bool expired) {
                      if (expired) self->OnStall(write);
                    });
  this->StartWrite(&response_);
}

template <typename Response>
void ImageStreamReactor<Response>::OnWriteDone(bool ok) {
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

template <typename Response>
void ImageStreamReactor<Response>::OnCancel() {
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
    if (state_ == State::kPreparing) return;  // There is no job yet.
  }
  StopJob(reason);
  if (ends_here) End(reason);
}

template <typename Response>
void ImageStreamReactor<Response>::OnStall(uint64_t write) {
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

template <typename Response>
void ImageStreamReactor<Response>::OnDone() {
  // The alarm keeps its callback, and so this call, until it is gone.
  stall_alarm_.reset();
  // The last reference may be in a receiver or an alarm that is under way.
  const std::shared_ptr<ImageStreamReactor> last = std::move(self_);
}

template <typename Response>
void ImageStreamReactor<Response>::StopJob(absl::Status reason) {
  generator_.Cancel(job_, std::move(reason));
  events_->Abandon();
}

template <typename Response>
void ImageStreamReactor<Response>::End(const absl::Status& status) {
  if (events_ != nullptr) {
    facts_.previews_dropped = events_->previews_dropped();
    observer_.PreviewsDropped(facts_.previews_dropped);
    facts_.job = events_->summary();
    if (facts_.job.has_value()) facts_.tenant = facts_.job->tenant;
  }
  const grpc::Status last_word = record_.End(status, &facts_);
  streams_.End();
  this->Finish(last_word);
}

template class ImageStreamReactor<v1::GenerateImageResponse>;
template class ImageStreamReactor<v1::UpscaleImageResponse>;

}  // namespace cascade
