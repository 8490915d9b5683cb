#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/logging.h"
#include "server/base/mutex.h"
#include "server/base/thread_pool.h"
#include "server/cascade_host.h"
#include "server/http/http_port.h"
#include "server/job/picture_encoder.h"
#include "server/metrics/metrics.h"
#include "server/options.h"
#include "server/pipeline/pipeline.h"
#include "server/rpc/admin_server.h"
#include "server/rpc/grpc_server.h"
#include "server/scheduler/scheduler.h"
#include "server/watchdog.h"

namespace cascade {

// All parts of cascade-server, built in the order of the flow and taken down in
// the same order: stop accepting, drain, join.
//
// States: loading -> serving -> draining -> down. The HTTP port answers from
// the first on.
class Server {
 public:
  // What a server gets from outside.
  struct Environment {
    CascadeHost::ReadPackage read_package;
    Pipeline::MemoryOfDevice memory_of;
    // Called on a lane's thread when a device is lost: drain, and end with
    // failure().
    std::function<void()> on_failure;
    const Clock* clock = &RealClock();  // Outlives the server.
    // For lanes, loads and the last words to the clients, once the engine has
    // ended.
    absl::Duration last_words = absl::Seconds(5);
  };
  // Packages from disk, and the machine's devices.
  static Environment RealEnvironment(const Options& options,
                                     std::function<void()> on_failure);

  // Loads the cascades and serves. Blocks until everything is ready.
  static absl::StatusOr<std::unique_ptr<Server>> Create(
      const Options& options, Environment environment);
  // As Drain(), without time for anybody; then waits until the server is down.
  ~Server();

  // Where gRPC is served: HOST:PORT, with the port that was taken.
  const std::string& address() const { return grpc_->address(); }

  // Health and readiness go, new requests and loads are refused, what was
  // admitted may end within `timeout`; the rest ends with UNAVAILABLE. Blocks,
  // but no longer than that and the last words. For one thread; idempotent.
  void Drain(absl::Duration timeout);

  // After Drain(): no lane and no load goes on and the log is written, so that
  // the destructor does not wait for them.
  bool is_down() const { return is_down_; }

  // Why the process cannot go on: a lost device, or a lane that hangs. OK: it
  // can.
  absl::Status failure() const ABSL_LOCKS_EXCLUDED(mutex_);
  // A lane hangs at present.
  bool hangs() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Server(const Options& options, Environment environment);

  absl::Status StartEngine();
  absl::Status StartHttp();
  absl::Status Load();
  absl::Status StartPorts();
  void OnDeviceLost(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns whether the lanes end before `deadline`; a lane that does not
  // hangs.
  bool EndLanes(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnLiveness(bool is_alive, absl::Duration longest)
      ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsReady() const ABSL_LOCKS_EXCLUDED(mutex_);
  // A server whose device is lost is never ready again.
  void SetReady(bool ready) ABSL_LOCKS_EXCLUDED(mutex_);
  std::string MetricsText();

  // Constant after Create(). Destroyed from the last to the first.
  const Options options_;
  const Environment environment_;
  Metrics metrics_;
  Logger logger_;
  std::unique_ptr<PictureEncoder> encoder_;
  ThreadPool encoding_;
  // Apart, so that no upload holds up anybody's pictures.
  ThreadPool decoding_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<CascadeHost> host_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<Watchdog> watchdog_;
  std::unique_ptr<HttpPort> http_;

  // Touched by whoever calls Drain(), and then by the destructor.
  bool drained_ = false;
  bool is_down_ = false;

  mutable Mutex mutex_;
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;
  // How long a lane hangs; nullopt: none does.
  std::optional<absl::Duration> stalled_ ABSL_GUARDED_BY(mutex_);
  absl::Status lost_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cascade
