#include "client/event_json.h"

#include "absl/strings/ascii.h"

namespace cascade {
namespace {

using Json = nlohmann::ordered_json;

double Seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + 1e-9 * duration.nanos();
}

// "ddim" from SAMPLER_KIND_DDIM and the like.
std::string ShortName(const std::string& name, const std::string& prefix) {
  return absl::AsciiStrToLower(
      name.rfind(prefix, 0) == 0 ? name.substr(prefix.size()) : name);
}

std::string Name(v1::SamplerKind kind) {
  return ShortName(v1::SamplerKind_Name(kind), "SAMPLER_KIND_");
}

std::string Name(v1::AugmentationMode mode) {
  return ShortName(v1::AugmentationMode_Name(mode), "AUGMENTATION_MODE_");
}

template <typename Stage>
Json PrecisionsJson(const Stage& stage) {
  Json json = Json::array();
  for (int precision : stage.precisions()) {
    json.push_back(ShortName(v1::Precision_Name(precision), "PRECISION_"));
  }
  return json;
}

template <typename Event>
Json ImageJson(const char* event, const Event& proto) {
  return {{"event", event},
          {"image_index", proto.image_index()},
          {"image_seed", proto.image_seed()},
          {"stage", proto.stage()},
          {"num_steps", proto.num_steps()}};
}

void AddPicture(const v1::Image& image, Json& json) {
  json["format"] =
      ShortName(v1::ImageFormat_Name(image.format()), "IMAGE_FORMAT_");
  json["width"] = image.width();
  json["height"] = image.height();
  json["channels"] = image.channels();
  json["bytes"] = image.data().size();
}

Json ScheduleJson(const v1::SamplingSchedule& schedule) {
  Json json = {{"kind", ShortName(v1::ScheduleKind_Name(schedule.kind()),
                                  "SCHEDULE_KIND_")},
               {"num_timesteps", schedule.num_timesteps()}};
  if (schedule.has_beta_begin()) json["beta_begin"] = schedule.beta_begin();
  if (schedule.has_beta_end()) json["beta_end"] = schedule.beta_end();
  return json;
}

Json SamplerJson(const v1::SamplerOptions& sampler) {
  Json json = {{"kind", Name(sampler.kind())}, {"steps", sampler.steps()}};
  if (sampler.has_eta()) json["eta"] = sampler.eta();
  const v1::Threshold& threshold = sampler.threshold();
  json["threshold"] = {
      {"kind",
       ShortName(v1::ThresholdKind_Name(threshold.kind()), "THRESHOLD_KIND_")}};
  if (threshold.has_quantile()) {
    json["threshold"]["quantile"] = threshold.quantile();
  }
  if (threshold.has_max()) json["threshold"]["max"] = threshold.max();
  if (sampler.has_schedule()) {
    json["schedule"] = ScheduleJson(sampler.schedule());
  }
  return json;
}

Json GuidanceJson(const v1::Guidance& guidance) {
  return {{"scale", guidance.scale()},
          {"interval_begin", guidance.interval_begin()},
          {"interval_end", guidance.interval_end()}};
}

Json RecordJson(const v1::GenerationRecord& record) {
  Json json = {{"cascade", record.cascade()},
               {"cascade_digest", record.cascade_digest()}};
  if (record.has_class_id()) {
    json["class_id"] = record.class_id();
    json["class_name"] = record.class_name();
  } else {
    json["unconditional"] = true;
  }
  json["seed"] = record.seed();
  json["image_seeds"] = record.image_seeds();
  json["target_stage"] = record.target_stage();
  json["stages"] = Json::array();
  for (const v1::StageRecord& stage : record.stages()) {
    Json stage_json = {{"stage", stage.stage()},
                       {"name", stage.name()},
                       {"resolution", stage.resolution()},
                       {"weights_sha256", stage.weights_sha256()},
                       {"precisions", PrecisionsJson(stage)},
                       {"sampler", SamplerJson(stage.sampler())},
                       {"guidance", GuidanceJson(stage.guidance())}};
    if (stage.has_augmentation()) {
      stage_json["augmentation"] = {
          {"level", stage.augmentation().level()},
          {"index", stage.augmentation().index()},
          {"sigma", stage.augmentation().sigma()},
          {"mode", Name(stage.augmentation().mode())}};
    }
    if (stage.has_stop_index()) stage_json["stop_index"] = stage.stop_index();
    json["stages"].push_back(std::move(stage_json));
  }
  json["reproducibility"] =
      ShortName(v1::ReproducibilityMode_Name(record.reproducibility()),
                "REPRODUCIBILITY_MODE_");
  json["build"] = record.build();
  json["reduced_for_deadline"] = record.reduced_for_deadline();
  return json;
}

Json QueuedJson(const v1::Queued& queued) {
  Json json = {{"event", "queued"},
               {"request_id", queued.request_id()},
               {"position", queued.position()},
               {"seed", queued.seed()},
               {"priority",
                ShortName(v1::Priority_Name(queued.priority()), "PRIORITY_")},
               {"target_stage", queued.target_stage()}};
  if (queued.has_expected_duration()) {
    json["expected_seconds"] = Seconds(queued.expected_duration());
  }
  return json;
}

Json FinishedJson(const v1::Finished& finished) {
  Json json = {{"event", "finished"},
               {"request_id", finished.request_id()},
               {"queued_seconds", Seconds(finished.queued_duration())},
               {"total_seconds", Seconds(finished.total_duration())},
               {"previews_dropped", finished.previews_dropped()},
               {"timings", Json::array()}};
  for (const v1::StageTiming& timing : finished.timings()) {
    json["timings"].push_back(
        {{"image_index", timing.image_index()},
         {"stage", timing.stage()},
         {"waiting_seconds", Seconds(timing.waiting_duration())},
         {"running_seconds", Seconds(timing.running_duration())},
         {"device_seconds", Seconds(timing.device_duration())}});
  }
  json["record"] = RecordJson(finished.record());
  return json;
}

Json StageJson(const v1::Stage& stage) {
  Json json = {{"index", stage.index()},
               {"name", stage.name()},
               {"resolution", stage.resolution()},
               {"channels", stage.channels()},
               {"parameters", stage.parameters()},
               {"weights_sha256", stage.weights_sha256()},
               {"precisions", PrecisionsJson(stage)},
               {"max_steps", stage.max_steps()},
               {"samplers", Json::array()},
               {"default_sampler", SamplerJson(stage.default_sampler())},
               {"supports_schedule", stage.supports_schedule()},
               {"supports_guidance", stage.supports_guidance()},
               {"default_guidance", GuidanceJson(stage.default_guidance())}};
  for (const int kind : stage.samplers()) {
    json["samplers"].push_back(Name(static_cast<v1::SamplerKind>(kind)));
  }
  if (stage.has_augmentation()) {
    json["augmentation"] = {
        {"default_level", stage.augmentation().default_level()},
        {"max_level", stage.augmentation().max_level()},
        {"default_mode", Name(stage.augmentation().default_mode())},
        {"modes", Json::array()}};
    for (const int mode : stage.augmentation().modes()) {
      json["augmentation"]["modes"].push_back(
          Name(static_cast<v1::AugmentationMode>(mode)));
    }
  }
  return json;
}

}  // namespace

Json ToJson(const v1::GenerateImageResponse& event, const WrittenFiles& files) {
  switch (event.event_case()) {
    case v1::GenerateImageResponse::kQueued:
      return QueuedJson(event.queued());
    case v1::GenerateImageResponse::kStageStarted:
      return ImageJson("stage_started", event.stage_started());
    case v1::GenerateImageResponse::kPreview: {
      Json json = ImageJson("preview", event.preview());
      json["steps_done"] = event.preview().steps_done();
      AddPicture(event.preview().image(), json);
      return json;
    }
    case v1::GenerateImageResponse::kStageImage: {
      Json json = ImageJson("stage_image", event.stage_image());
      if (event.stage_image().is_estimate()) json["is_estimate"] = true;
      AddPicture(event.stage_image().image(), json);
      if (!files.picture.empty()) json["file"] = files.picture;
      if (!files.state.empty()) json["state_file"] = files.state;
      return json;
    }
    case v1::GenerateImageResponse::kFinished:
      return FinishedJson(event.finished());
    case v1::GenerateImageResponse::EVENT_NOT_SET:
      break;
  }
  return {{"event", "unknown"}};
}

Json ToJson(const CallStatus& status) {
  Json json = {{"event", "error"},
               {"code", CodeName(status.code)},
               {"reason", status.reason},
               {"message", status.message},
               {"fields", Json::array()}};
  for (const RefusedField& field : status.fields) {
    json["fields"].push_back(
        {{"field", field.field}, {"description", field.description}});
  }
  if (status.retry_delay.has_value()) {
    json["retry_seconds"] = absl::ToDoubleSeconds(*status.retry_delay);
  }
  if (!status.request_id.empty()) json["request_id"] = status.request_id;
  return json;
}

Json ToJson(const v1::Cascade& cascade) {
  Json json = {{"name", cascade.name()},
               {"description", cascade.description()},
               {"digest", cascade.digest()},
               {"num_classes", cascade.num_classes()},
               {"class_names", cascade.class_names()},
               {"supports_unconditional", cascade.supports_unconditional()},
               {"stages", Json::array()}};
  for (const v1::Stage& stage : cascade.stages()) {
    json["stages"].push_back(StageJson(stage));
  }
  return json;
}

std::string JsonLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cascade
