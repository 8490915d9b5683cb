#include "tests/integration/scripted_server.h"

#include <cstdlib>
#include <utility>

#include "tests/integration/connected_channel.h"

namespace cascade {

ScriptedServer::ScriptedServer() : ScriptedServer(Options()) {}

ScriptedServer::ScriptedServer(Options options)
    : cascade_("digits", std::move(options.stages)),
      engine_({&cascade_}, options.scheduler, *options.clock,
              options.max_queued_images,
              [this](const std::string& name, bool serves) {
                if (told_ != nullptr) told_->SetCascade(name, serves);
              }),
      generator_(engine_.scheduler()) {
  GrpcServer::Options& grpc = options.grpc;
  grpc.listen = "127.0.0.1:0";
  grpc.images.reader_stall_timeout = options.reader_stall_timeout;
  grpc.images.identity = {"1.2.3", "a build", Reproducibility::kExact};
  absl::StatusOr<std::unique_ptr<GrpcServer>> server = GrpcServer::Create(
      grpc, generator_,
      options.decoding != nullptr ? *options.decoding : engine_.encoding(),
      engine_.metrics(), engine_.logger());
  if (!server.ok()) std::abort();
  server_ = *std::move(server);
  told_ = server_.get();
  server_->SetServing(true);
}

ScriptedServer::~ScriptedServer() {
  script().UnblockSteps();
  engine_.scheduler().Shutdown();
  server_->Shutdown(absl::Now());
}

ImageClient ScriptedServer::Client() const {
  return ImageClient(ConnectedChannel(address()));
}

std::unique_ptr<v1::ImageGenerationService::Stub> ScriptedServer::Stub() const {
  return v1::ImageGenerationService::NewStub(ConnectedChannel(address()));
}

void ScriptedServer::Drain() {
  engine_.scheduler().Drain();
  engine_.scheduler().WaitUntilIdle(absl::InfiniteFuture());
}

v1::GenerateImageRequest DigitRequest(uint64_t seed) {
  v1::GenerateImageRequest request;
  request.set_cascade("digits");
  request.set_class_id(7);
  request.set_seed(seed);
  return request;
}

std::vector<v1::GenerateImageResponse> Reply::Events(
    bool (v1::GenerateImageResponse::*is_kind)() const) const {
  std::vector<v1::GenerateImageResponse> chosen;
  for (const auto& event : events) {
    if ((event.*is_kind)()) chosen.push_back(event);
  }
  return chosen;
}

ImageClient::CallOptions Once() {
  ImageClient::CallOptions options;
  options.max_restarts = 0;
  return options;
}

Reply Generate(ImageClient client, const v1::GenerateImageRequest& request,
               const ImageClient::CallOptions& options) {
  Reply reply;
  ReplyCheck check(request);
  reply.status = client.Generate(request, options,
                                 [&](const v1::GenerateImageResponse& event) {
                                   check.Add(event);
                                   reply.events.push_back(event);
                                 });
  reply.problems = check.Problems(reply.status.ok());
  return reply;
}

Reply Upscale(ImageClient client, const v1::UpscaleImageRequest& request,
              const ImageClient::CallOptions& options) {
  Reply reply;
  ReplyCheck check(request);
  reply.status = client.Upscale(request, options,
                                [&](const v1::GenerateImageResponse& event) {
                                  check.Add(event);
                                  reply.events.push_back(event);
                                });
  reply.problems = check.Problems(reply.status.ok());
  return reply;
}

}  // namespace cascade
