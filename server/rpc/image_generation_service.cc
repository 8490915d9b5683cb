#include "server/rpc/image_generation_service.h"

#include <memory>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/error_reason.h"
#include "server/base/status_macros.h"
#include "server/rpc/call_record.h"
#include "server/rpc/cascade_lookup.h"
#include "server/rpc/event_conversion.h"
#include "server/rpc/tenant.h"
#include "server/rpc/upscale_conversion.h"

namespace cascade {
namespace {

// How often a request begins again because its cascade was replaced.
constexpr int kMaxRepeats = 3;

// UpscaleImage calls that wait to be checked and decoded, or are. Each holds a
// message in memory.
constexpr int kMaxPreparing = 64;
constexpr absl::Duration kPreparingRetry = absl::Seconds(1);

uint64_t RandomSeed() {
  absl::BitGen random;
  // Fits a JSON number, in which many clients keep it.
  return absl::Uniform<uint64_t>(random, 0, uint64_t{1} << 53);
}

// A name that a client made up, of a length that a line of the log bears.
std::string Shortened(const std::string& name) {
  constexpr size_t kMaxLength = 64;
  return name.substr(0, kMaxLength);
}

// Before any check.
template <typename Request>
ImageCallFacts Asked(const Request& request,
                     const absl::StatusOr<CallFacts>& facts) {
  ImageCallFacts asked;
  asked.cascade = Shortened(request.cascade());
  asked.images = request.has_image_count() ? request.image_count() : 1;
  if (facts.ok()) asked.tenant = facts->tenant;
  return asked;
}

absl::StatusOr<CallFacts> FactsOf(const grpc::CallbackServerContext& context,
                                  const CallRecord& record) {
  CallFacts facts;
  ASSIGN_OR_RETURN(facts.tenant, ReadTenant(context.client_metadata()));
  facts.request_id = record.request_id();
  facts.arrival = record.arrival();
  facts.deadline = record.deadline();
  facts.fallback_seed = RandomSeed();
  return facts;
}

}  // namespace

ImageGenerationService::ImageGenerationService(Options options,
                                               Generator& generator,
                                               Executor& decoding,
                                               RpcObserver& observer,
                                               Logger& logger)
    : options_(std::move(options)),
      generator_(generator),
      decoding_(decoding),
      observer_(observer),
      logger_(logger) {}

absl::StatusOr<AdmittedRequest> ImageGenerationService::TrySubmit(
    const std::string& cascade, Conversion convert) {
  AdmittedRequest admitted;
  EventSource& source = admitted.source;
  source.identity = options_.identity;
  ASSIGN_OR_RETURN(source.cascade,
                   LookUpCascade("cascade", cascade, generator_));
  ASSIGN_OR_RETURN(source.request, convert(*source.cascade));
  ASSIGN_OR_RETURN(admitted.admitted, generator_.Submit(source.request));
  source.admitted = absl::Now();
  source.request.input.reset();  // The job's alone.
  return admitted;
}

absl::StatusOr<AdmittedRequest> ImageGenerationService::Submit(
    const std::string& cascade, Conversion convert) {
  absl::StatusOr<AdmittedRequest> admitted = TrySubmit(cascade, convert);
  for (int i = 0; i < kMaxRepeats && absl::IsAborted(admitted.status()); ++i) {
    admitted = TrySubmit(cascade, convert);
  }
  return admitted;
}

grpc::ServerWriteReactor<v1::GenerateImageResponse>*
ImageGenerationService::GenerateImage(grpc::CallbackServerContext* context,
                                      const v1::GenerateImageRequest* request) {
  CallRecord record("GenerateImage", *context, observer_, logger_);
  const absl::StatusOr<CallFacts> facts = FactsOf(*context, record);
  const auto reactor = ImageStreamReactor<v1::GenerateImageResponse>::Create(
      *context, std::move(record), Asked(*request, facts),
      options_.reader_stall_timeout, generator_, observer_, streams_);
  if (!facts.ok()) {
    reactor->Begin(facts.status());
    return reactor.get();
  }
  reactor->Begin(Submit(request->cascade(), [&](const CascadeSpec& cascade) {
    return ConvertGenerateImageRequest(*request, cascade, options_.limits,
                                       *facts);
  }));
  return reactor.get();
}

grpc::ServerWriteReactor<v1::UpscaleImageResponse>*
ImageGenerationService::UpscaleImage(grpc::CallbackServerContext* context,
                                     const v1::UpscaleImageRequest* request) {
  CallRecord record("UpscaleImage", *context, observer_, logger_);
  absl::StatusOr<CallFacts> facts = FactsOf(*context, record);
  const auto reactor = ImageStreamReactor<v1::UpscaleImageResponse>::Create(
      *context, std::move(record), Asked(*request, facts),
      options_.reader_stall_timeout, generator_, observer_, streams_);
  absl::Status may_begin = facts.status();
  if (facts.ok()) may_begin = BeginPreparing(*request, facts->tenant);
  if (!may_begin.ok()) {
    reactor->Begin(may_begin);
    return reactor.get();
  }
  // gRPC keeps `request` until the call has ended, which waits for Begin().
  decoding_.Post([this, reactor, request, facts = *std::move(facts)] {
    absl::StatusOr<AdmittedRequest> admitted =
        absl::CancelledError("the client went away");
    if (!reactor->is_abandoned()) {
      admitted = Submit(request->cascade(), [&](const CascadeSpec& cascade) {
        return ConvertUpscaleImageRequest(*request, cascade, options_.limits,
                                          facts);
      });
    }
    --num_preparing_;
    // The last step: a shutdown waits for the call, and then this is gone.
    reactor->Begin(std::move(admitted));
  });
  return reactor.get();
}

absl::Status ImageGenerationService::BeginPreparing(
    const v1::UpscaleImageRequest& request, const std::string& tenant) {
  const int count = request.has_image_count() ? request.image_count() : 1;
  // A wrong count and a wrong name are told with what else is wrong.
  const absl::Status room =
      count < 1 ? absl::OkStatus()
                : generator_.CheckRoom(request.cascade(), tenant, count);
  const bool is_full =
      absl::IsResourceExhausted(room) || absl::IsUnavailable(room);
  if (is_full) return room;
  if (++num_preparing_ <= kMaxPreparing) return absl::OkStatus();
  --num_preparing_;
  absl::Status status = ErrorWithReason(
      absl::StatusCode::kResourceExhausted, kQueueFull,
      absl::StrCat(kMaxPreparing, " images to enlarge are being read"));
  SetRetryDelay(status, kPreparingRetry);
  return status;
}

}  // namespace cascade
