#include "server/rpc/cascade_service.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "models/sampling/sampler_check.h"
#include "models/truncation.h"
#include "server/rpc/augmentation_conversion.h"
#include "server/rpc/call_record.h"
#include "server/rpc/cascade_lookup.h"
#include "server/rpc/event_conversion.h"
#include "server/rpc/precision_conversion.h"
#include "server/rpc/sampler_conversion.h"
#include "server/rpc/sampling_conversion.h"

namespace cascade {
namespace {

v1::StageAugmentation Augmentation(const StageSpec& stage,
                                   const CascadeSpec& cascade) {
  v1::StageAugmentation proto;
  proto.set_default_level(stage.augmentation.default_level);
  proto.set_max_level(stage.augmentation.max_level);
  proto.add_modes(v1::AUGMENTATION_MODE_NON_TRUNCATED);
  const size_t below = static_cast<size_t>(stage.index) - 1;
  if (stage.index > 0 &&
      CheckTruncation(cascade.stages[below],
                      cascade.stages[below].default_sampler, stage)
          .ok()) {
    proto.add_modes(v1::AUGMENTATION_MODE_TRUNCATED);
  }
  proto.set_default_mode(cascade::ToProto(stage.augmentation.default_mode));
  return proto;
}

v1::Stage ToProto(const StageSpec& stage, const CascadeSpec& cascade) {
  v1::Stage proto;
  proto.set_index(stage.index);
  proto.set_name(stage.name);
  proto.set_resolution(stage.resolution);
  proto.set_low_resolution(stage.low_resolution);
  proto.set_channels(stage.channels);
  for (SamplerKind kind : SamplersOf(stage.diffusion)) {
    proto.add_samplers(ToProto(kind));
  }
  *proto.mutable_default_sampler() = SamplerToProto(stage.default_sampler);
  const std::optional<SamplingSchedule>& schedule =
      stage.default_sampler.schedule;
  proto.set_max_steps(schedule.has_value() ? schedule->num_timesteps
                                           : stage.diffusion.num_timesteps);
  proto.set_supports_schedule(stage.diffusion.conditioning ==
                              NoiseConditioning::kNoiseLevel);
  proto.set_supports_guidance(stage.has_null_class);
  *proto.mutable_default_guidance() =
      GuidanceToProto(stage.default_sampler.guidance);
  if (stage.augmentation.enabled) {
    *proto.mutable_augmentation() = Augmentation(stage, cascade);
  }
  proto.set_parameters(stage.parameters);
  proto.set_weights_sha256(stage.weights_sha256);
  AddPrecisions(stage, proto);
  return proto;
}

}  // namespace

v1::Cascade ToProto(const CascadeSpec& cascade) {
  v1::Cascade proto;
  proto.set_name(cascade.name);
  proto.set_description(cascade.description);
  proto.set_digest(cascade.digest);
  proto.set_num_classes(NumClasses(cascade));
  for (const std::string& name : cascade.class_names) {
    proto.add_class_names(name);
  }
  proto.set_supports_unconditional(SupportsUnconditional(cascade));
  for (const StageSpec& stage : cascade.stages) {
    *proto.add_stages() = ToProto(stage, cascade);
  }
  return proto;
}

CascadeService::CascadeService(ServerIdentity identity,
                               const RequestLimits& limits,
                               const Generator& generator,
                               RpcObserver& observer, Logger& logger)
    : identity_(std::move(identity)),
      limits_(limits),
      generator_(generator),
      observer_(observer),
      logger_(logger) {}

v1::Server CascadeService::Server() const {
  v1::Server server;
  server.set_version(identity_.version);
  server.set_build(identity_.build);
  server.set_reproducibility(cascade::ToProto(identity_.reproducibility));
  server.set_max_image_count(limits_.max_image_count);
  server.set_max_upload_pixels(limits_.max_upload_pixels);
  return server;
}

grpc::ServerUnaryReactor* CascadeService::ListCascades(
    grpc::CallbackServerContext* context,
    const v1::ListCascadesRequest* /*request*/,
    v1::ListCascadesResponse* response) {
  CallRecord record("ListCascades", *context, observer_, logger_);
  std::vector<std::shared_ptr<const CascadeSpec>> cascades =
      generator_.ListCascades();
  std::sort(cascades.begin(), cascades.end(),
            [](const auto& a, const auto& b) { return a->name < b->name; });
  for (const auto& cascade : cascades) {
    *response->add_cascades() = ToProto(*cascade);
  }
  *response->mutable_server() = Server();
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(record.End(absl::OkStatus()));
  return reactor;
}

grpc::ServerUnaryReactor* CascadeService::GetCascade(
    grpc::CallbackServerContext* context, const v1::GetCascadeRequest* request,
    v1::GetCascadeResponse* response) {
  CallRecord record("GetCascade", *context, observer_, logger_);
  auto cascade = LookUpCascade("name", request->name(), generator_);
  if (cascade.ok()) {
    *response->mutable_cascade() = ToProto(**cascade);
    *response->mutable_server() = Server();
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(record.End(cascade.status()));
  return reactor;
}

}  // namespace cascade
