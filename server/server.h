#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"
#include "server/base/logging.h"
#include "server/base/mutex.h"
#include "server/base/thread_pool.h"
#include "server/http/http_port.h"
#include "server/job/picture_encoder.h"
#include "server/metrics/metrics.h"
#include "server/options.h"
#include "server/pipeline/pipeline.h"
#include "server/rpc/grpc_server.h"
#include "server/scheduler/scheduler.h"

namespace cascade {

// All parts of cascade-server, built in the order of the flow and taken down in
// the same order: stop accepting, drain, join.
//
// States: loading -> serving -> draining -> down. The HTTP port answers from
// the first on.
class Server {
 public:
  // Loads the cascades and serves. Blocks until everything is ready.
  static absl::StatusOr<std::unique_ptr<Server>> Create(const Options& options);
  // As Drain(), without time for anybody.
  ~Server();

  // Where gRPC is served: HOST:PORT, with the port that was taken.
  const std::string& address() const { return grpc_->address(); }

  // Health and readiness go, new requests are refused, what was admitted may
  // end within `timeout`; the rest ends with UNAVAILABLE. Blocks. For one
  // thread; idempotent.
  void Drain(absl::Duration timeout);

 private:
  explicit Server(const Options& options);

  absl::Status Load();
  absl::Status StartEngine();
  absl::Status StartPorts();
  absl::Status StartHttp();
  bool IsReady() const ABSL_LOCKS_EXCLUDED(mutex_);
  void SetReady(bool ready) ABSL_LOCKS_EXCLUDED(mutex_);
  std::string MetricsText() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after Create(). Destroyed from the last to the first.
  const Options options_;
  Metrics metrics_;
  Logger logger_;
  std::vector<std::shared_ptr<const CascadeModel>> models_;
  std::unique_ptr<PictureEncoder> encoder_;
  ThreadPool encoding_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<HttpPort> http_;

  // Touched by whoever calls Drain(), and then by the destructor.
  bool drained_ = false;

  mutable Mutex mutex_;
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;
  // Null while loading: the HTTP port asks before there is an engine.
  Scheduler* loaded_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace cascade
