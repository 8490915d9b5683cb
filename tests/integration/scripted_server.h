#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cascade/v1/image_generation_service.grpc.pb.h"
#include "client/image_client.h"
#include "client/reply_check.h"
#include "server/rpc/grpc_server.h"
#include "tests/integration/observed_generator.h"
#include "tests/support/scripted_cascade.h"
#include "tests/support/scripted_engine.h"

namespace cascade {

// A cascade called "digits" behind the real scheduler, lanes, services and a
// loopback port; only its networks are scripted.
class ScriptedServer {
 public:
  struct Options {
    std::vector<ScriptedStage> stages = {
        {.resolution = 8}, {.resolution = 16}, {.resolution = 32}};
    Scheduler::Options scheduler;
    int max_queued_images = 1024;
    absl::Duration reader_stall_timeout = absl::Minutes(10);
    const Clock* clock = &RealClock();  // Of the engine.
    // Its address and what is above are the server's own.
    GrpcServer::Options grpc;
    // Where uploads are decoded; null: where pictures are encoded. Outlives the
    // server.
    Executor* decoding = nullptr;
  };

  // Three stages: 8, 16, 32.
  ScriptedServer();
  explicit ScriptedServer(Options options);
  // Ends what is left.
  ~ScriptedServer();

  const std::string& address() const { return server_->address(); }
  Script& script() { return cascade_.script(); }
  ScriptedEngine& engine() { return engine_; }
  Scheduler& scheduler() { return engine_.scheduler(); }
  PlainEncoder& encoder() { return engine_.encoder(); }
  Metrics& metrics() { return engine_.metrics(); }
  ObservedGenerator& generator() { return generator_; }
  GrpcServer& server() { return *server_; }

  // With a connection of its own.
  ImageClient Client() const;
  std::unique_ptr<v1::ImageGenerationService::Stub> Stub() const;

  // Refuses new requests and blocks until no job is left.
  void Drain();

 private:
  // Hears of names that come and go; null until it serves.
  GrpcServer* told_ = nullptr;
  ScriptedCascade cascade_;
  ScriptedEngine engine_;
  ObservedGenerator generator_;
  std::unique_ptr<GrpcServer> server_;
};

// For class 7 of "digits".
v1::GenerateImageRequest DigitRequest(uint64_t seed = 42);

// A call from beginning to end.
struct Reply {
  CallStatus status;
  std::vector<v1::GenerateImageResponse> events;
  std::vector<std::string> problems;  // ReplyCheck's.

  // Its events of a kind, such as &v1::GenerateImageResponse::has_preview.
  std::vector<v1::GenerateImageResponse> Events(
      bool (v1::GenerateImageResponse::*is_kind)() const) const;
};

// Options of a call that shows how its server ended it.
ImageClient::CallOptions Once();

Reply Generate(ImageClient client, const v1::GenerateImageRequest& request,
               const ImageClient::CallOptions& options = Once());
Reply Upscale(ImageClient client, const v1::UpscaleImageRequest& request,
              const ImageClient::CallOptions& options = Once());

}  // namespace cascade
