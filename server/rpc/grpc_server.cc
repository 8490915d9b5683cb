#include "server/rpc/grpc_server.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server_builder.h>

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.pb.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

int Milliseconds(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) {
    return std::numeric_limits<int>::max();
  }
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

void SetLimits(const GrpcServer::Options& options,
               grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(options.max_receive_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             options.max_concurrent_streams);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             Milliseconds(options.keepalive_time));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             Milliseconds(options.keepalive_timeout));
  // Both ways: the server pings idle clients, and they may ping it.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // No limit: a call may wait in the queue for long without a word.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      Milliseconds(options.min_client_ping_interval));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             Milliseconds(options.max_connection_age));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             Milliseconds(options.max_connection_age_grace));
}

// gRPC stays up as long as the process. Its teardown, when the last of its
// objects goes, waits for threads that may be polling for a connection that
// stalls: for 10 s, or (gRPC 1.51) for ever.
void KeepGrpcUp() {
  static const bool is_up = [] {
    grpc_init();
    return true;
  }();
  static_cast<void>(is_up);
}

// Reflection describes what is linked in; gRPC's own health service brings no
// descriptor along, so this refers to one.
void LinkHealthDescriptor() {
  grpc::health::v1::HealthCheckRequest::descriptor();
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Create(
    Options options, Generator& generator, Executor& decoding,
    RpcObserver& observer, Logger& logger) {
  std::unique_ptr<GrpcServer> server(
      new GrpcServer(options, generator, decoding, observer, logger));
  if (absl::Status status = server->Start(options); !status.ok()) return status;
  return server;
}

GrpcServer::GrpcServer(Options options, Generator& generator,
                       Executor& decoding, RpcObserver& observer,
                       Logger& logger)
    : cascade_service_(options.images.identity, options.images.limits,
                       generator, observer, logger),
      image_service_(options.images, generator, decoding, observer, logger) {
  for (const auto& cascade : generator.ListCascades()) {
    cascades_[cascade->name] = true;
  }
}

GrpcServer::~GrpcServer() { Shutdown(absl::Now()); }

absl::Status GrpcServer::Start(const Options& options) {
  KeepGrpcUp();
  LinkHealthDescriptor();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  SetLimits(options, builder);
  builder.RegisterService(&image_service_);
  builder.RegisterService(&cascade_service_);
  ASSIGN_OR_RETURN(port_, StartListening(options.listen, builder));
  SetHealth(kLivenessHealthName, true);
  SetServing(false);
  return absl::OkStatus();
}

void GrpcServer::SetServing(bool serving) {
  MutexLock lock(mutex_);
  serving_ = serving;
  SetHealth("", serving);
  SetHealth(v1::ImageGenerationService::service_full_name(), serving);
  SetHealth(v1::CascadeService::service_full_name(), serving);
  for (const auto& [name, is_loaded] : cascades_) {
    SetHealth(CascadeHealthName(name), serving && is_loaded);
  }
}

void GrpcServer::SetCascade(const std::string& name, bool is_loaded) {
  MutexLock lock(mutex_);
  cascades_[name] = is_loaded;
  SetHealth(CascadeHealthName(name), serving_ && is_loaded);
}

void GrpcServer::SetHealth(const std::string& name, bool serving) {
  port_.server->GetHealthCheckService()->SetServingStatus(name, serving);
}

bool GrpcServer::WaitUntilNoStreams(absl::Time deadline) {
  return image_service_.WaitUntilNoStreams(deadline);
}

void GrpcServer::Shutdown(absl::Time deadline) {
  if (port_.server == nullptr) return;
  port_.server->Shutdown(absl::ToChronoTime(deadline));
  port_.server->Wait();
}

std::shared_ptr<grpc::Channel> GrpcServer::InProcessChannel(
    const grpc::ChannelArguments& arguments) {
  return port_.server->InProcessChannel(arguments);
}

std::string CascadeHealthName(absl::string_view cascade) {
  return absl::StrCat("cascades/", cascade);
}

}  // namespace cascade
