#include "client/image_client.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <cstdint>
#include <utility>

#include "absl/random/random.h"
#include "client/stream_join.h"

namespace cascade {
namespace {

constexpr char kOtherBytes[] = "OTHER_BYTES";

// Calls go to the replicas in turn.
constexpr char kBalanced[] =
    R"({"loadBalancingConfig": [{"round_robin": {}}]})";

// As well, and what no server has begun is repeated by gRPC: `queued` commits a
// call.
constexpr char kBalancedAndRepeated[] = R"({
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{"service": "cascade.v1.ImageGenerationService"},
             {"service": "cascade.v1.CascadeService"}],
    "retryPolicy": {
      "maxAttempts": 4,
      "initialBackoff": "0.1s",
      "maxBackoff": "1s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }],
  "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}
})";

void Prepare(const ImageClient::CallOptions& options,
             grpc::ClientContext& context) {
  if (options.deadline != absl::InfiniteFuture()) {
    context.set_deadline(absl::ToChronoTime(options.deadline));
  }
  if (!options.request_id.empty()) {
    context.AddMetadata("x-request-id", options.request_id);
  }
  if (!options.tenant.empty()) {
    context.AddMetadata("x-cascade-tenant", options.tenant);
  }
}

// The same event, in the message of the other RPC.
v1::GenerateImageResponse ToGenerateResponse(v1::UpscaleImageResponse event) {
  v1::GenerateImageResponse result;
  switch (event.event_case()) {
    case v1::UpscaleImageResponse::kQueued:
      result.mutable_queued()->Swap(event.mutable_queued());
      break;
    case v1::UpscaleImageResponse::kStageStarted:
      result.mutable_stage_started()->Swap(event.mutable_stage_started());
      break;
    case v1::UpscaleImageResponse::kPreview:
      result.mutable_preview()->Swap(event.mutable_preview());
      break;
    case v1::UpscaleImageResponse::kStageImage:
      result.mutable_stage_image()->Swap(event.mutable_stage_image());
      break;
    case v1::UpscaleImageResponse::kFinished:
      result.mutable_finished()->Swap(event.mutable_finished());
      break;
    case v1::UpscaleImageResponse::EVENT_NOT_SET:
      break;
  }
  return result;
}

// Where a request's seed comes from, if not from the request.
bool HasSeed(const v1::GenerateImageRequest& request) {
  return request.has_seed();
}
bool HasSeed(const v1::UpscaleImageRequest& request) {
  return request.has_seed() || request.has_state();
}

// What is left of the request's time budget, counted from `start`; false: none.
template <typename Request>
bool TakeElapsed(absl::Time start, const Request& request, Request& again) {
  if (!request.has_time_budget()) return true;
  const absl::Duration budget =
      absl::Seconds(request.time_budget().seconds()) +
      absl::Nanoseconds(request.time_budget().nanos());
  const absl::Duration left = budget - (absl::Now() - start);
  if (left <= absl::ZeroDuration()) return false;
  const int64_t seconds = absl::ToInt64Seconds(left);
  again.mutable_time_budget()->set_seconds(seconds);
  again.mutable_time_budget()->set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(left - absl::Seconds(seconds))));
  return true;
}

// Makes a streaming call, again while its server dies: `call` makes one and
// gives every event to the function that it gets.
template <typename Request, typename Call>
CallStatus CallUntilDone(const Request& request,
                         const ImageClient::CallOptions& options,
                         ImageClient::EventReceiver on_event, Call call) {
  const absl::Time start = absl::Now();
  Request again = request;
  if (!HasSeed(request))
    again.set_seed(absl::Uniform<uint64_t>(absl::BitGen()));
  StreamJoin join;
  for (int restarts = 0;; ++restarts) {
    grpc::ClientContext context;
    Prepare(options, context);
    CancelToken::Attachment attachment(options.cancel, context);
    absl::Status other_bytes;
    const grpc::Status ended =
        call(context, again, [&](const v1::GenerateImageResponse& event) {
          if (!other_bytes.ok()) return;
          const absl::StatusOr<bool> is_new = join.Take(event);
          if (!is_new.ok()) {
            other_bytes = is_new.status();
            context.TryCancel();
          } else if (*is_new) {
            on_event(event);
          }
        });
    CallStatus status = ReadCallStatus(ended, context);
    status.restarts = restarts;
    if (!other_bytes.ok()) {
      status.code = grpc::StatusCode::ABORTED;
      status.message = std::string(other_bytes.message());
      status.reason = kOtherBytes;
    }
    const bool server_died = status.code == grpc::StatusCode::UNAVAILABLE &&
                             join.has_begun() && !join.has_finished();
    const bool is_cancelled =
        options.cancel != nullptr && options.cancel->cancelled();
    if (!server_died || is_cancelled || restarts >= options.max_restarts ||
        request.deadline_policy() == v1::DEADLINE_POLICY_BEST_EFFORT ||
        !TakeElapsed(start, request, again)) {
      return status;
    }
    if (options.on_restart) options.on_restart(status);
  }
}

// Makes a unary call: `call` gets the prepared context.
template <typename Call>
CallStatus CallUnary(const ImageClient::CallOptions& options, Call call) {
  grpc::ClientContext context;
  Prepare(options, context);
  CancelToken::Attachment attachment(options.cancel, context);
  const grpc::Status status = call(context);
  return ReadCallStatus(status, context);
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& server,
                                           const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.max_message_bytes);
  arguments.SetServiceConfigJSON(options.repeats_calls ? kBalancedAndRepeated
                                                       : kBalanced);
  if (options.repeats_calls) {
    // Of a larger call gRPC keeps nothing that it could send again.
    arguments.SetInt(GRPC_ARG_PER_RPC_RETRY_BUFFER_SIZE,
                     options.max_message_bytes);
  }
  // gRPC's own second is longer than the repetitions of a call last.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  // A call may wait in the queue for long without a word.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  if (options.own_connection) {
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  }
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(),
                                   arguments);
}

ImageClient::ImageClient(std::shared_ptr<grpc::Channel> channel)
    : images_(v1::ImageGenerationService::NewStub(channel)),
      cascades_(v1::CascadeService::NewStub(channel)),
      health_(grpc::health::v1::Health::NewStub(channel)) {}

CallStatus ImageClient::Generate(const v1::GenerateImageRequest& request,
                                 const CallOptions& options,
                                 EventReceiver on_event) {
  return CallUntilDone(
      request, options, on_event,
      [this](grpc::ClientContext& context,
             const v1::GenerateImageRequest& again, auto on_response) {
        const auto reader = images_->GenerateImage(&context, again);
        v1::GenerateImageResponse response;
        while (reader->Read(&response)) on_response(response);
        return reader->Finish();
      });
}

CallStatus ImageClient::Upscale(const v1::UpscaleImageRequest& request,
                                const CallOptions& options,
                                EventReceiver on_event) {
  return CallUntilDone(
      request, options, on_event,
      [this](grpc::ClientContext& context, const v1::UpscaleImageRequest& again,
             auto on_response) {
        const auto reader = images_->UpscaleImage(&context, again);
        v1::UpscaleImageResponse response;
        while (reader->Read(&response)) {
          on_response(ToGenerateResponse(std::move(response)));
        }
        return reader->Finish();
      });
}

CallStatus ImageClient::ListCascades(const CallOptions& options,
                                     v1::ListCascadesResponse& response) {
  return CallUnary(options, [&](grpc::ClientContext& context) {
    return cascades_->ListCascades(&context, {}, &response);
  });
}

CallStatus ImageClient::GetCascade(const std::string& name,
                                   const CallOptions& options,
                                   v1::GetCascadeResponse& response) {
  return CallUnary(options, [&](grpc::ClientContext& context) {
    v1::GetCascadeRequest request;
    request.set_name(name);
    return cascades_->GetCascade(&context, request, &response);
  });
}

CallStatus ImageClient::CheckHealth(
    const std::string& service, const CallOptions& options,
    grpc::health::v1::HealthCheckResponse& response) {
  return CallUnary(options, [&](grpc::ClientContext& context) {
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    return health_->Check(&context, request, &response);
  });
}

}  // namespace cascade
