#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cascade/v1/cascade_service.grpc.pb.h"
#include "cascade/v1/image_generation_service.grpc.pb.h"
#include "client/call_status.h"
#include "client/cancel_token.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace cascade {

// How a channel to a server is made.
struct ChannelOptions {
  // Of a message that is received, or sent again. Raw images of 2048 x 2048
  // fit.
  int max_message_bytes = 64 << 20;
  // Shares its connection with no other channel of the process.
  bool own_connection = false;
  // gRPC repeats calls that no server has begun (UNAVAILABLE, and only before
  // the first event), up to four times in all.
  bool repeats_calls = true;
};

// A channel to `server`, HOST:PORT or any name that gRPC resolves. Calls go in
// turn to all addresses that the name has.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& server,
                                           const ChannelOptions& options = {});

// The API from C++. Its calls block. Thread-safe.
class ImageClient {
 public:
  struct CallOptions {
    // When to give up; infinite: never.
    absl::Time deadline = absl::InfiniteFuture();
    // Names the call in the server's log; empty: the server picks a name.
    std::string request_id;
    // On whose account; empty: nobody's in particular.
    std::string tenant;
    // Ends the call early; may be null. Outlives the call.
    CancelToken* cancel = nullptr;
    // How often a request is asked again whose server died (UNAVAILABLE) after
    // its first event. It begins anew with the same seed, and so draws the same
    // bytes; what has been seen is not seen again. Never under BEST_EFFORT,
    // where another server may take other steps.
    int max_restarts = 3;
    // Called before each of them with how the call had ended; may be empty.
    std::function<void(const CallStatus& ended)> on_restart;

    // Options of a call that gives up after `duration` from now.
    static CallOptions Within(absl::Duration duration) {
      CallOptions options;
      options.deadline = absl::Now() + duration;
      return options;
    }
  };
  using EventReceiver =
      absl::FunctionRef<void(const v1::GenerateImageResponse&)>;

  explicit ImageClient(std::shared_ptr<grpc::Channel> channel);

  // Calls `on_event` for each event as it arrives, on this thread. While it
  // runs, no further event is taken: the server then drops previews. A request
  // without a seed gets one here, so that it can be asked again.
  // ABORTED with the reason OTHER_BYTES: the server that took over draws other
  // images than the one that died.
  CallStatus Generate(const v1::GenerateImageRequest& request,
                      const CallOptions& options, EventReceiver on_event);

  // The same for UpscaleImage, whose events are the same.
  CallStatus Upscale(const v1::UpscaleImageRequest& request,
                     const CallOptions& options, EventReceiver on_event);

  CallStatus ListCascades(const CallOptions& options,
                          v1::ListCascadesResponse& response);
  CallStatus GetCascade(const std::string& name, const CallOptions& options,
                        v1::GetCascadeResponse& response);

  // The health of a service or cascade ("cascades/NAME"); empty: the server.
  CallStatus CheckHealth(const std::string& service, const CallOptions& options,
                         grpc::health::v1::HealthCheckResponse& response);

 private:
  const std::unique_ptr<v1::ImageGenerationService::Stub> images_;
  const std::unique_ptr<v1::CascadeService::Stub> cascades_;
  const std::unique_ptr<grpc::health::v1::Health::Stub> health_;
};

}  // namespace cascade
