#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
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

// One admitted GenerateImage call: asks the job's stream for an event, writes
// it, and asks for the next one when the write is done.
//
// States: waiting (for an event) <-> writing -> ended, and writing -> cutting
// -> ended for a write that stalls. Whoever leaves `waiting` or finds a write
// done decides alone what gRPC is told next, so there is one write in flight
// and one Finish().
//
// * The client cancels, disconnects, or its deadline passes: the job is
//   cancelled and the call ends.
// * A write takes longer than the stall timeout: the same, and gRPC is told to
//   drop what it holds.
//
// Called by gRPC's threads and the event stream's executor. Owns itself until
// gRPC is done with it; events and alarms that are under way keep it alive.
class GenerateImageReactor final
    : public grpc::ServerWriteReactor<v1::GenerateImageResponse>,
      public std::enable_shared_from_this<GenerateImageReactor> {
 public:
  // Starts the call of an admitted job. `context`, `generator`, `observer` and
  // `streams` outlive it.
  static GenerateImageReactor* Start(
      grpc::CallbackServerContext& context, CallRecord record,
      EventSource source, Admitted admitted, absl::Duration stall_timeout,
      Generator& generator, RpcObserver& observer, OpenStreams& streams);

 private:
  // kCutting: OnStall() is telling gRPC to drop the write; whatever ends
  // meanwhile, the call stays until that is said.
  enum class State { kWaiting, kWriting, kCutting, kEnded };

  GenerateImageReactor(grpc::CallbackServerContext& context, CallRecord record,
                       EventSource source, Admitted admitted,
                       absl::Duration stall_timeout, Generator& generator,
                       RpcObserver& observer, OpenStreams& streams);

  void OnWriteDone(bool ok) override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnCancel() override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnDone() override;

  void AskForEvent();
  void OnItem(EventStream::Item item) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnStall(uint64_t write) ABSL_LOCKS_EXCLUDED(mutex_);
  void Write(EncodedJobEvent event, uint64_t write);
  // Stops the job; the reason goes to it.
  void StopJob(absl::Status reason);
  // Only by whoever moved the state to kEnded.
  void End(const absl::Status& status);
  // Moves from kWaiting; false if it is not the state.
  bool LeaveWaiting(State to) ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after construction.
  grpc::CallbackServerContext& context_;
  const EventSource source_;
  const JobId job_;
  const std::shared_ptr<EventStream> events_;
  const absl::Duration stall_timeout_;
  Generator& generator_;
  RpcObserver& observer_;
  OpenStreams& streams_;

  // Touched only by whoever may write or finish.
  CallRecord record_;
  v1::GenerateImageResponse response_;  // gRPC's, while a write is in flight.
  std::unique_ptr<grpc::Alarm> stall_alarm_;

  // Set by Start(), cleared by OnDone().
  std::shared_ptr<GenerateImageReactor> self_;

  Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kWaiting;
  uint64_t num_writes_ ABSL_GUARDED_BY(mutex_) = 0;
  // The write ended in kCutting.
  bool cut_write_done_ ABSL_GUARDED_BY(mutex_) = false;
  // Why the call is to end when the write in flight is done.
  std::optional<absl::Status> stop_reason_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cascade
