#pragma once

#include <grpcpp/client_context.h>

#include <functional>
#include <map>
#include <memory>

#include "cascade/v1/image_generation_service.grpc.pb.h"
#include "client/load_plan.h"
#include "client/load_reply.h"
#include "client/load_timer.h"
#include "client/reply_check.h"

namespace cascade {

// One call of a load, without a thread of its own. It lives until it is done;
// gRPC's threads run it, one reaction at a time.
class LoadCall final
    : public grpc::ClientReadReactor<v1::GenerateImageResponse>,
      public std::enable_shared_from_this<LoadCall> {
 public:
  struct Options {
    absl::Time due;  // Latency and deadline count from here.
    absl::Time cancel_time = absl::InfiniteFuture();
    // Before each event is read.
    absl::Duration read_delay = absl::ZeroDuration();
  };
  using DoneCallback = std::function<void(LoadReply)>;

  // `stub` and `timer` outlive the call. `on_done` comes after its end, and
  // must not block.
  static void Start(v1::ImageGenerationService::Stub& stub, LoadTimer& timer,
                    const LoadEntry& entry, PlannedRequest planned,
                    const Options& options, DoneCallback on_done);

  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  LoadCall(LoadTimer& timer, const LoadEntry& entry, PlannedRequest planned,
           const Options& options, DoneCallback on_done);

  bool ReadsSlowly() const {
    return options_.read_delay > absl::ZeroDuration();
  }
  double Elapsed() const;
  void ReadNext();
  void Take(const v1::GenerateImageResponse& event);
  void TakeImage(int stage);

  LoadTimer& timer_;
  const int target_stage_;  // As asked for.
  const PlannedRequest planned_;
  const Options options_;

  grpc::ClientContext context_;
  v1::GenerateImageResponse event_;
  ReplyCheck check_;
  DoneCallback on_done_;
  LoadReply reply_;
  std::map<int, int> images_;  // By stage.
  bool admitted_ = false;
  std::shared_ptr<LoadCall> self_;  // Until it is done.
};

}  // namespace cascade
