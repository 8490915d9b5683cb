#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "cascade/v1/image_generation_service.grpc.pb.h"
#include "client/load_call.h"
#include "client/load_plan.h"
#include "client/load_reply.h"
#include "client/load_timer.h"

namespace cascade {

// Sends the requests of a plan without waiting for them, and keeps how each
// went. A closed or an open loop decides when. Thread-safe.
class LoadSession {
 public:
  using Channels = std::vector<std::shared_ptr<grpc::Channel>>;

  // `channels` is not empty. `read_delay`: a slow reader's, before each event.
  LoadSession(const LoadPlan& plan, const Channels& channels,
              absl::Duration read_delay);
  // Blocks until every request has ended.
  ~LoadSession();

  const LoadPlan& plan() const { return plan_; }
  LoadTimer& timer() { return timer_; }

  // Sends `planned`, due since `due`, over one of the channels (their number
  // wraps). `on_done` is called on one of gRPC's threads and must not block.
  void Send(
      PlannedRequest planned, absl::Time due, size_t channel,
      std::function<void()> on_done = [] {}) ABSL_LOCKS_EXCLUDED(mutex_);
  // Keeps that `planned` was not sent.
  void Skip(const PlannedRequest& planned, absl::Time due)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Sent, and not done yet.
  int outstanding() const ABSL_LOCKS_EXCLUDED(mutex_);
  void WaitUntilIdle() ABSL_LOCKS_EXCLUDED(mutex_);
  // What was kept since the last time, in the order of the ends.
  std::vector<LoadReply> TakeReplies() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Counts the request in; says when its client gives up.
  absl::Time BeginCall(const PlannedRequest& planned, absl::Time due)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Keep(LoadReply reply) ABSL_LOCKS_EXCLUDED(mutex_);
  void EndCall() ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after construction.
  const LoadPlan plan_;
  const absl::Duration read_delay_;
  std::vector<std::unique_ptr<v1::ImageGenerationService::Stub>> stubs_;

  mutable absl::Mutex mutex_;
  int outstanding_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<LoadReply> replies_ ABSL_GUARDED_BY(mutex_);
  // By entry: the moving mean of those that succeeded; 0: none has.
  std::vector<double> expected_seconds_ ABSL_GUARDED_BY(mutex_);

  LoadTimer timer_;  // Last: its actions use the rest.
};

}  // namespace cascade
