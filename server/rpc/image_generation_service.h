#pragma once

#include <atomic>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cascade/v1/image_generation_service.grpc.pb.h"
#include "server/base/executor.h"
#include "server/base/logging.h"
#include "server/metrics/rpc_observer.h"
#include "server/rpc/image_stream_reactor.h"
#include "server/rpc/open_streams.h"
#include "server/rpc/request_conversion.h"
#include "server/rpc/server_identity.h"
#include "server/scheduler/generator.h"

namespace cascade {

// GenerateImage and UpscaleImage: checks the request, submits it, and hands the
// job's events to an ImageStreamReactor. A refusal is sent before any initial
// metadata, so that clients' retries apply to it.
//
// Called by gRPC's threads; never blocks: what UpscaleImage is given is checked
// and decoded on an executor. Thread-safe.
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
                         Executor& decoding, RpcObserver& observer,
                         Logger& logger);

  grpc::ServerWriteReactor<v1::GenerateImageResponse>* GenerateImage(
      grpc::CallbackServerContext* context,
      const v1::GenerateImageRequest* request) override;

  grpc::ServerWriteReactor<v1::UpscaleImageResponse>* UpscaleImage(
      grpc::CallbackServerContext* context,
      const v1::UpscaleImageRequest* request) override;

  // As OpenStreams has it.
  bool WaitUntilNoStreams(absl::Time deadline) {
    return streams_.WaitUntilNone(deadline);
  }

 private:
  // Checks a request against a version of its cascade.
  using Conversion =
      absl::FunctionRef<absl::StatusOr<GenerationRequest>(const CascadeSpec&)>;

  // Converts and submits a request for a cascade; again when another version of
  // the cascade took its place meanwhile.
  absl::StatusOr<AdmittedRequest> Submit(const std::string& cascade,
                                         Conversion convert);
  absl::StatusOr<AdmittedRequest> TrySubmit(const std::string& cascade,
                                            Conversion convert);

  // Whether an UpscaleImage call may be looked at: there is room for its
  // images, and not too many others are being looked at. Counts it then.
  absl::Status BeginPreparing(const v1::UpscaleImageRequest& request,
                              const std::string& tenant);

  const Options options_;
  Generator& generator_;
  Executor& decoding_;
  RpcObserver& observer_;
  Logger& logger_;
  OpenStreams streams_;
  std::atomic<int> num_preparing_ = 0;  // UpscaleImage calls.
};

}  // namespace cascade
