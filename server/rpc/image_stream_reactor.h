#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cascade/v1/image_generation_service.pb.h"
#include "server/base/mutex.h"
#include "server/job/event_stream.h"
#include "server/metrics/rpc_observer.h"
#include "server/rpc/call_record.h"
#include "server/rpc/event_conversion.h"
#include "server/rpc/open_streams.h"
#include "server/scheduler/generator.h"

namespace cascade {

// A request that the engine has taken.
struct AdmittedRequest {
  EventSource source;
  Admitted admitted;
};

// One call of GenerateImage or UpscaleImage: waits until its request is checked
// and admitted, then asks the job's stream for an event, writes it, and asks
// for the next one when the write is done.
//
// States: preparing -> waiting (for an event) <-> writing -> ended, preparing
// -> ended for a refusal, and writing -> cutting -> ended for a write that
// stalls. Whoever leaves `preparing` or `waiting`, or finds a write done,
// decides alone what gRPC is told next, so there is one write in flight and one
// Finish().
//
// * The request is refused: the call ends before any initial metadata, so that
//   clients' retries apply to it.
// * The client cancels, disconnects, or its deadline passes: the job is
//   cancelled and the call ends; while it is prepared, as soon as that is done,
//   because gRPC keeps context and request only until then.
// * A write takes longer than the stall timeout: the same, and gRPC is told to
//   drop what it holds.
//
// Called by gRPC's threads, by whoever prepares the call, and by the event
// stream's executor. Owns itself until gRPC is done with it; a preparation,
// events and alarms that are under way keep it alive.
template <typename Response>
class ImageStreamReactor final
    : public grpc::ServerWriteReactor<Response>,
      public std::enable_shared_from_this<ImageStreamReactor<Response>> {
 public:
  // A call that is prepared now. `asked` is what its client says. `context`,
  // `generator`, `observer` and `streams` outlive it.
  static std::shared_ptr<ImageStreamReactor> Create(
      grpc::CallbackServerContext& context, CallRecord record,
      ImageCallFacts asked, absl::Duration stall_timeout, Generator& generator,
      RpcObserver& observer, OpenStreams& streams);

  // Whether the client has gone: then nobody needs the request.
  bool is_abandoned() const ABSL_LOCKS_EXCLUDED(mutex_);

  // The preparation is done, once: streams the events of the job, or ends the
  // call with the refusal.
  void Begin(absl::StatusOr<AdmittedRequest> request)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // kCutting: OnStall() is telling gRPC to drop the write; whatever ends
  // meanwhile, the call stays until that is said.
  enum class State { kPreparing, kWaiting, kWriting, kCutting, kEnded };

  // A picture that goes out.
  struct Picture {
    bool is_preview = false;
    int stage = 0;
  };

  ImageStreamReactor(grpc::CallbackServerContext& context, CallRecord record,
                     ImageCallFacts asked, absl::Duration stall_timeout,
                     Generator& generator, RpcObserver& observer,
                     OpenStreams& streams);

  void OnWriteDone(bool ok) override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnCancel() override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnDone() override;

  void AskForEvent();
  void OnItem(EventStream::Item item) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnEndOfEvents(const absl::Status& end) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnStall(uint64_t write) ABSL_LOCKS_EXCLUDED(mutex_);
  void Write(Response response, uint64_t write);
  // The message is about to be handed to gRPC.
  void CountPicture(const Picture& picture);
  // Stops the job; the reason goes to it.
  void StopJob(absl::Status reason);
  // Only by whoever moved the state to kEnded.
  void End(const absl::Status& status);

  // Constant after construction.
  grpc::CallbackServerContext& context_;
  const absl::Duration stall_timeout_;
  Generator& generator_;
  RpcObserver& observer_;
  OpenStreams& streams_;

  // Set before the state leaves kPreparing, constant from then on. Null: the
  // request was refused.
  std::optional<EventSource> source_;
  JobId job_ = 0;
  std::shared_ptr<EventStream> events_;

  // Touched only by whoever may write or finish.
  CallRecord record_;
  ImageCallFacts facts_;
  Response response_;  // gRPC's, while a write is in flight.
  std::unique_ptr<grpc::Alarm> stall_alarm_;

  // Set by Create(), cleared by OnDone().
  std::shared_ptr<ImageStreamReactor> self_;

  mutable Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kPreparing;
  uint64_t num_writes_ ABSL_GUARDED_BY(mutex_) = 0;
  // The write ended in kCutting.
  bool cut_write_done_ ABSL_GUARDED_BY(mutex_) = false;
  // Why the call is to end when it is prepared, or the write in flight done.
  std::optional<absl::Status> stop_reason_ ABSL_GUARDED_BY(mutex_);
};

extern template class ImageStreamReactor<v1::GenerateImageResponse>;
extern template class ImageStreamReactor<v1::UpscaleImageResponse>;

}  // namespace cascade
