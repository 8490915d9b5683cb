#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/executor.h"
#include "server/base/logging.h"
#include "server/base/mutex.h"
#include "server/metrics/rpc_observer.h"
#include "server/rpc/cascade_service.h"
#include "server/rpc/image_generation_service.h"
#include "server/rpc/listening_port.h"
#include "server/scheduler/generator.h"

namespace cascade {

// The gRPC end of the server: port, services, health, reflection, limits.
//
// Health is told for "" (the whole server), for each service by its full name,
// and for each cascade as "cascades/NAME"; all NOT_SERVING until SetServing().
// "liveness" is SERVING until somebody says otherwise.
//
// Thread-safe.
class GrpcServer {
 public:
  struct Options {
    // HOST:PORT. Port 0 takes a free one.
    std::string listen = "127.0.0.1:50051";
    ImageGenerationService::Options images;
    // The longest message that is accepted, bytes.
    int max_receive_message_bytes = 4 << 20;
    // Calls at a time on one connection.
    int max_concurrent_streams = 1024;
    // Pings a silent client this often, with and without calls, to notice that
    // it is gone...
    absl::Duration keepalive_time = absl::Seconds(60);
    // ... when it does not answer for this long.
    absl::Duration keepalive_timeout = absl::Seconds(20);
    // Clients may ping this often, with and without calls, without being cut
    // off.
    absl::Duration min_client_ping_interval = absl::Seconds(20);
    // Asks a client to connect anew (and meet other replicas) after this long;
    // its calls may go on for the grace. Infinite: never.
    absl::Duration max_connection_age = absl::InfiniteDuration();
    absl::Duration max_connection_age_grace = absl::Minutes(10);
  };

  // Listens and serves at once. UNAVAILABLE when the address is not free,
  // INVALID_ARGUMENT when it is none. The collaborators outlive the server;
  // `decoding` is for images that clients send.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Create(
      Options options, Generator& generator, Executor& decoding,
      RpcObserver& observer, Logger& logger);
  // As Shutdown() that waits for no call.
  ~GrpcServer();

  // HOST:PORT, with the port that was taken.
  const std::string& address() const { return port_.address; }

  // Turns the health of the whole server, each service and each loaded cascade.
  void SetServing(bool serving) ABSL_LOCKS_EXCLUDED(mutex_);
  // A cascade has been loaded or unloaded since Create(): its health follows.
  void SetCascade(const std::string& name, bool is_loaded)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Turns the health of a name beside those, such as kLivenessHealthName.
  void SetHealth(const std::string& name, bool serving);

  // Blocks until the streams of all admitted jobs have ended, or until
  // `deadline`. Returns whether they have. Call it when no job is admitted any
  // more.
  bool WaitUntilNoStreams(absl::Time deadline);

  // Stops listening and waits for the calls; those that last beyond `deadline`
  // are cancelled. Blocks. Idempotent.
  void Shutdown(absl::Time deadline);

  // A channel to this server that uses no network, for tests.
  std::shared_ptr<grpc::Channel> InProcessChannel(
      const grpc::ChannelArguments& arguments);

 private:
  GrpcServer(Options options, Generator& generator, Executor& decoding,
             RpcObserver& observer, Logger& logger);
  absl::Status Start(const Options& options);

  // Constant after Create().
  CascadeService cascade_service_;
  ImageGenerationService image_service_;
  ListeningPort port_;

  // Held while gRPC is told, which calls nobody back, so that what it was told
  // last is what holds.
  Mutex mutex_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, bool> cascades_ ABSL_GUARDED_BY(mutex_);  // Is loaded?
};

// NOT_SERVING while a lane makes no progress: restart the process.
inline constexpr char kLivenessHealthName[] = "liveness";

// The name by which a cascade's health is asked for.
std::string CascadeHealthName(absl::string_view cascade);

}  // namespace cascade
