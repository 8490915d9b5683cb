#include "server/rpc/event_conversion.h"

#include <optional>
#include <utility>
#include <variant>

#include "absl/time/time.h"
#include "models/sampling/augmentation.h"
#include "models/sampling/noise_schedule.h"
#include "server/rpc/augmentation_conversion.h"
#include "server/rpc/image_conversion.h"
#include "server/rpc/precision_conversion.h"
#include "server/rpc/sampler_conversion.h"
#include "server/rpc/sampling_conversion.h"
#include "server/rpc/scheduling_conversion.h"
#include "server/rpc/stage_state.h"

namespace cascade {
namespace {

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  absl::Duration rest = duration;
  proto.set_seconds(absl::IDivDuration(rest, absl::Seconds(1), &rest));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return proto;
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  const google::protobuf::Duration since_epoch =
      ToProto(time - absl::UnixEpoch());
  google::protobuf::Timestamp proto;
  proto.set_seconds(since_epoch.seconds());
  proto.set_nanos(since_epoch.nanos());
  return proto;
}

v1::AugmentationRecord RecordAugmentation(const AugmentationSpec& spec,
                                          const StageOptions& options) {
  const double level = options.augmentation_level;
  const AugmentationPoint point = AugmentationAtLevel(
      NoiseSchedule(spec.schedule, spec.num_timesteps), level);
  v1::AugmentationRecord record;
  record.set_level(level);
  record.set_index(point.index);
  record.set_sigma(point.noise);
  record.set_mode(cascade::ToProto(options.augmentation_mode));
  return record;
}

v1::StageRecord RecordStage(const StageSpec& spec, const StageOptions& options,
                            std::optional<int> stop_index) {
  v1::StageRecord record;
  record.set_stage(spec.index);
  record.set_name(spec.name);
  record.set_resolution(spec.resolution);
  record.set_weights_sha256(spec.weights_sha256);
  AddPrecisions(spec, record);
  *record.mutable_sampler() = SamplerToProto(options.sampler);
  *record.mutable_guidance() = GuidanceToProto(options.sampler.guidance);
  if (spec.augmentation.enabled) {
    *record.mutable_augmentation() =
        RecordAugmentation(spec.augmentation, options);
  }
  if (stop_index.has_value()) record.set_stop_index(*stop_index);
  return record;
}

void RecordClass(const GenerationRequest& request, const CascadeSpec& cascade,
                 v1::GenerationRecord& record) {
  if (!request.class_id.has_value()) {
    record.set_unconditional(true);
    return;
  }
  record.set_class_id(*request.class_id);
  const size_t index = static_cast<size_t>(*request.class_id);
  if (index < cascade.class_names.size()) {
    record.set_class_name(cascade.class_names[index]);
  }
}

v1::GenerationRecord Record(const FinishedEvent& event,
                            const EventSource& source) {
  const GenerationRequest& request = source.request;
  v1::GenerationRecord record;
  record.set_cascade(request.cascade);
  record.set_cascade_digest(source.cascade->digest);
  RecordClass(request, *source.cascade, record);
  record.set_seed(request.seed);
  for (int i = 0; i < request.image_count; ++i) {
    record.add_image_seeds(request.seed + static_cast<uint64_t>(i));
  }
  record.set_target_stage(event.target_stage);
  for (size_t k = static_cast<size_t>(request.first_stage);
       k < event.stages.size(); ++k) {
    *record.add_stages() = RecordStage(source.cascade->stages[k],
                                       event.stages[k], event.stop_indices[k]);
  }
  record.set_reproducibility(ToProto(source.identity.reproducibility));
  record.set_build(source.identity.build);
  record.set_reduced_for_deadline(event.reduced_for_deadline);
  return record;
}

// Fills the response's event from each kind of event.
template <typename Response>
struct Converter {
  const EventSource& source;
  int64_t previews_dropped;
  Response& response;

  absl::Status operator()(QueuedEvent event) const {
    v1::Queued& proto = *response.mutable_queued();
    proto.set_request_id(source.request.request_id);
    proto.set_position(event.position);
    proto.set_seed(source.request.seed);
    if (event.expected_wait < absl::InfiniteDuration()) {
      *proto.mutable_expected_start_time() =
          ToProto(source.admitted + event.expected_wait);
    }
    if (event.expected_time < absl::InfiniteDuration()) {
      *proto.mutable_expected_duration() = ToProto(event.expected_time);
    }
    proto.set_priority(cascade::ToProto(event.priority));
    proto.set_target_stage(event.target_stage);
    return absl::OkStatus();
  }

  absl::Status operator()(StageStartedEvent event) const {
    v1::StageStarted& proto = *response.mutable_stage_started();
    proto.set_image_index(event.image_index);
    proto.set_image_seed(event.image_seed);
    proto.set_stage(event.stage_index);
    proto.set_num_steps(event.num_steps);
    return absl::OkStatus();
  }

  absl::Status operator()(PictureEvent<EncodedImage> event) const {
    if (event.is_preview) {
      v1::Preview& proto = *response.mutable_preview();
      proto.set_steps_done(event.steps_done);
      SetPicture(std::move(event), proto);
      return absl::OkStatus();
    }
    v1::StageImage& proto = *response.mutable_stage_image();
    if (event.state != nullptr) {
      absl::StatusOr<v1::StageState> state = StateOf(event);
      if (!state.ok()) return state.status();
      *proto.mutable_state() = *std::move(state);
    }
    proto.set_is_estimate(event.is_estimate);
    SetPicture(std::move(event), proto);
    return absl::OkStatus();
  }

  absl::Status operator()(FinishedEvent event) const {
    v1::Finished& proto = *response.mutable_finished();
    proto.set_request_id(source.request.request_id);
    *proto.mutable_queued_duration() = ToProto(event.queued);
    *proto.mutable_total_duration() = ToProto(event.total);
    for (const StageTiming& timing : event.timings) {
      v1::StageTiming& added = *proto.add_timings();
      added.set_image_index(timing.image_index);
      added.set_stage(timing.stage_index);
      *added.mutable_waiting_duration() = ToProto(timing.waited);
      *added.mutable_running_duration() = ToProto(timing.ran);
      *added.mutable_device_duration() = ToProto(timing.device_time);
    }
    *proto.mutable_record() = Record(event, source);
    proto.set_previews_dropped(previews_dropped);
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<v1::StageState> StateOf(
      const PictureEvent<EncodedImage>& event) const {
    return MakeStageState(*event.state, *source.cascade, event.stage_index,
                          event.image_seed, source.request.class_id);
  }

  template <typename Proto>
  static void SetPicture(PictureEvent<EncodedImage> event, Proto& proto) {
    proto.set_image_index(event.image_index);
    proto.set_image_seed(event.image_seed);
    proto.set_stage(event.stage_index);
    proto.set_num_steps(event.num_steps);
    *proto.mutable_image() = cascade::ToProto(std::move(event.picture));
  }
};

}  // namespace

v1::ReproducibilityMode ToProto(Reproducibility mode) {
  switch (mode) {
    case Reproducibility::kExact:
      return v1::REPRODUCIBILITY_MODE_EXACT;
    case Reproducibility::kFast:
      return v1::REPRODUCIBILITY_MODE_FAST;
  }
  return v1::REPRODUCIBILITY_MODE_UNSPECIFIED;
}

template <typename Response>
absl::StatusOr<Response> ConvertEvent(EncodedJobEvent event,
                                      const EventSource& source,
                                      int64_t previews_dropped) {
  Response response;
  const Converter<Response> convert{source, previews_dropped, response};
  const absl::Status status = std::visit(
      [&](auto&& kind) { return convert(std::move(kind)); }, std::move(event));
  if (!status.ok()) return status;
  return response;
}

template absl::StatusOr<v1::GenerateImageResponse> ConvertEvent(
    EncodedJobEvent, const EventSource&, int64_t);
template absl::StatusOr<v1::UpscaleImageResponse> ConvertEvent(
    EncodedJobEvent, const EventSource&, int64_t);

}  // namespace cascade
