#pragma once

#include "absl/time/time.h"
#include "cascade/v1/image_generation_service.grpc.pb.h"
#include "server/base/logging.h"
#include "server/metrics/rpc_observer.h"
#include "server/rpc/open_streams.h"
#include "server/rpc/request_conversion.h"
#include "server/rpc/server_identity.h"
#include "server/scheduler/generator.h"

namespace cascade {

// GenerateImage: checks the request, submits it, and hands the job's events to
// a GenerateImageReactor. A refusal is sent before any initial metadata, so
// that clients' retries apply to it.
//
// Called by gRPC's threads; never blocks. Thread-safe.
class ImageGenerationService final
    : public v1::ImageGenerationService::CallbackService {
 public:
  struct Options {
    RequestLimits limits;
    // A client that takes longer for one message is cut off. Positive.
    absl::Duration reader_stall_timeout = absl::Seconds(30);
    ServerIdentity identity;
  };

  // The collaborators outlive the service.
  ImageGenerationService(Options options, Generator& generator,
                         RpcObserver& observer, Logger& logger);

  grpc::ServerWriteReactor<v1::GenerateImageResponse>* GenerateImage(
      grpc::CallbackServerContext* context,
      const v1::GenerateImageRequest* request) override;

  // As OpenStreams has it.
  bool WaitUntilNoStreams(absl::Time deadline) {
    return streams_.WaitUntilNone(deadline);
  }

  grpc::ServerWriteReactor<v1::UpscaleImageResponse>* UpscaleImage(
      grpc::CallbackServerContext* context,
      const v1::UpscaleImageRequest* request) override;

 private:
  const Options options_;
  Generator& generator_;
  RpcObserver& observer_;
  Logger& logger_;
  OpenStreams streams_;
};

}  // namespace cascade
