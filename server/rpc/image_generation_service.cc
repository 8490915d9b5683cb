#include "server/rpc/image_generation_service.h"

#include <memory>
#include <utility>

#include "absl/random/random.h"
#include "server/base/error_reason.h"
#include "server/base/status_macros.h"
#include "server/rpc/call_record.h"
#include "server/rpc/cascade_lookup.h"
#include "server/rpc/event_conversion.h"
#include "server/rpc/generate_image_reactor.h"
#include "server/rpc/refused_stream.h"

namespace cascade {
namespace {

uint64_t RandomSeed() {
  absl::BitGen random;
  // Fits a JSON number, in which many clients keep it.
  return absl::Uniform<uint64_t>(random, 0, uint64_t{1} << 53);
}

absl::StatusOr<EventSource> ConvertRequest(
    const v1::GenerateImageRequest& request,
    const ImageGenerationService::Options& options, const CallRecord& record,
    const Generator& generator) {
  EventSource source;
  source.identity = options.identity;
  ASSIGN_OR_RETURN(source.cascade,
                   LookUpCascade("cascade", request.cascade(), generator));
  ASSIGN_OR_RETURN(source.request,
                   ConvertGenerateImageRequest(request, *source.cascade,
                                               options.limits, RandomSeed()));
  source.request.request_id = record.request_id();
  source.request.deadline = record.deadline();
  return source;
}

}  // namespace

ImageGenerationService::ImageGenerationService(Options options,
                                               Generator& generator,
                                               RpcObserver& observer,
                                               Logger& logger)
    : options_(std::move(options)),
      generator_(generator),
      observer_(observer),
      logger_(logger) {}

grpc::ServerWriteReactor<v1::GenerateImageResponse>*
ImageGenerationService::GenerateImage(grpc::CallbackServerContext* context,
                                      const v1::GenerateImageRequest* request) {
  CallRecord record("GenerateImage", *context, observer_, logger_);
  absl::StatusOr<EventSource> source =
      ConvertRequest(*request, options_, record, generator_);
  if (!source.ok()) {
    return new RefusedStream<v1::GenerateImageResponse>(
        record.End(source.status()));
  }
  absl::StatusOr<Admitted> admitted = generator_.Submit(source->request);
  if (!admitted.ok()) {
    return new RefusedStream<v1::GenerateImageResponse>(
        record.End(admitted.status()));
  }
  return GenerateImageReactor::Start(
      *context, std::move(record), *std::move(source), *std::move(admitted),
      options_.reader_stall_timeout, generator_, observer_, streams_);
}

grpc::ServerWriteReactor<v1::UpscaleImageResponse>*
ImageGenerationService::UpscaleImage(
    grpc::CallbackServerContext* context,
    const v1::UpscaleImageRequest* /*request*/) {
  CallRecord record("UpscaleImage", *context, observer_, logger_);
  return new RefusedStream<v1::UpscaleImageResponse>(record.End(
      ErrorWithReason(absl::StatusCode::kUnimplemented, kMethodUnimplemented,
                      "UpscaleImage is not implemented")));
}

}  // namespace cascade
