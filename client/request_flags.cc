#include "client/request_flags.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/stage_flags.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

absl::Status SetInterval(const std::string& text, StageFlags& entries) {
  if (text.empty()) return absl::OkStatus();
  const std::vector<std::string> ends = SplitFlag(text);
  double begin = 0;
  double end = 0;
  if (ends.size() != 2 || !absl::SimpleAtod(ends[0], &begin) ||
      !absl::SimpleAtod(ends[1], &end)) {
    return WrongFlag("--guidance-interval", text, "BEGIN,END is expected");
  }
  v1::Guidance& guidance = *entries.Entry(0).mutable_guidance();
  guidance.set_interval_begin(begin);
  guidance.set_interval_end(end);
  return absl::OkStatus();
}

absl::Status SetClass(const std::string& text, const v1::Cascade& cascade,
                      v1::GenerateImageRequest& request) {
  if (text.empty()) return absl::OkStatus();
  const auto& names = cascade.class_names();
  int id = 0;
  if (std::find(names.begin(), names.end(), text) != names.end()) {
    request.set_class_name(text);
  } else if (text == "none") {
    request.set_unconditional(true);
  } else if (absl::SimpleAtoi(text, &id)) {
    request.set_class_id(id);
  } else {
    request.set_class_name(text);  // The server suggests the known ones.
  }
  return absl::OkStatus();
}

absl::Status SetOutput(const RequestFlags& flags,
                       v1::GenerateImageRequest& request) {
  static const std::pair<const char*, v1::ImageFormat> kFormats[] = {
      {"png", v1::IMAGE_FORMAT_PNG},  {"jpeg", v1::IMAGE_FORMAT_JPEG},
      {"jpg", v1::IMAGE_FORMAT_JPEG}, {"webp", v1::IMAGE_FORMAT_WEBP},
      {"raw", v1::IMAGE_FORMAT_RAW},
  };
  v1::OutputOptions& output = *request.mutable_output();
  bool is_known = flags.format.empty();
  for (const auto& [name, format] : kFormats) {
    if (absl::AsciiStrToLower(flags.format) != name) continue;
    output.set_format(format);
    is_known = true;
  }
  if (!is_known) {
    return WrongFlag("--format", flags.format, "png, jpeg, webp or raw");
  }
  if (flags.quality.has_value()) output.set_quality(*flags.quality);
  if (flags.previews.has_value()) {
    output.set_preview_every_steps(*flags.previews);
  }
  if (flags.stages == "all") return absl::OkStatus();
  for (const std::string& part : SplitFlag(flags.stages)) {
    int stage = 0;
    if (!absl::SimpleAtoi(part, &stage)) {
      return WrongFlag("--stages", flags.stages, "'all', or such as 0,2");
    }
    output.add_stages(stage);
  }
  return absl::OkStatus();
}

absl::Status SetScheduling(const RequestFlags& flags,
                           v1::GenerateImageRequest& request) {
  static const std::pair<const char*, v1::Priority> kPriorities[] = {
      {"", v1::PRIORITY_UNSPECIFIED},
      {"batch", v1::PRIORITY_BATCH},
      {"standard", v1::PRIORITY_STANDARD},
      {"interactive", v1::PRIORITY_INTERACTIVE},
  };
  bool is_known = false;
  for (const auto& [name, priority] : kPriorities) {
    if (flags.priority != name) continue;
    request.set_priority(priority);
    is_known = true;
  }
  if (!is_known) {
    return WrongFlag("--priority", flags.priority,
                     "batch, standard or interactive");
  }
  if (flags.best_effort) {
    request.set_deadline_policy(v1::DEADLINE_POLICY_BEST_EFFORT);
  }
  if (flags.time_budget.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(absl::Duration rest,
                   ParseDurationFlag("--time-budget", flags.time_budget));
  google::protobuf::Duration& budget = *request.mutable_time_budget();
  budget.set_seconds(absl::IDivDuration(rest, absl::Seconds(1), &rest));
  budget.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return absl::OkStatus();
}

}  // namespace

void RequestFlags::AddTo(CLI::App& command) {
  command.add_option("--cascade", cascade, "The cascade's name")->required();
  command.add_option("--class", class_choice,
                     "What to draw: a class's name or id, or 'none'");
  command.add_option("--seed", seed,
                     "Of the first image; image i has SEED + i. Default: the "
                     "server picks one and says it");
  command.add_option("--count", image_count, "Images to draw. Default: 1");
  command.add_option("--target-stage", target_stage,
                     "The last stage to run. Default: the top");
  command.add_option(
      "--sampler", samplers,
      "ddpm, ddim, dpmpp-2m, heun, unipc-3 or consistency; one, or one a "
      "stage: ddim,ddpm");
  command.add_option(
      "--steps", steps,
      "Steps of the sampler; one number, or one a stage: 50,20,10");
  command.add_option("--eta", etas, "DDIM's eta, 0..1; one, or one a stage");
  command.add_option("--guidance", guidance,
                     "Guidance scale, 1 is none; one, or one a stage");
  command.add_option("--guidance-interval", guidance_interval,
                     "BEGIN,END of 0 (clean) .. 1 (noise), where it applies");
  command.add_option("--augmentation", augmentation,
                     "Conditioning augmentation level; one, or one a stage");
  command.add_option("--augmentation-mode", augmentation_modes,
                     "truncated: the stage below stops at the level; or "
                     "non-truncated; one, or one a stage");
  command.add_option("--threshold", thresholds,
                     "none, static, dynamic, dynamic:QUANTILE or "
                     "dynamic:QUANTILE:MAX; one, or one a stage");
  command.add_option("--schedule", schedules,
                     "Of stages that are told noise levels: trained, cosine, "
                     "linear, KIND:TIMESTEPS or "
                     "linear:TIMESTEPS:BETA_BEGIN:BETA_END; one, or one a "
                     "stage");
  command.add_option("--previews", previews,
                     "A preview every this many steps. Default: none, but a "
                     "few for --show and on a terminal");
  command.add_option("--stages", stages,
                     "Stages whose images to get: all (default), or 0,2");
  command.add_option("--format", format, "png (default), jpeg, webp or raw");
  command.add_option("--quality", quality, "Of jpeg and webp, 1..100");
  command.add_option("--priority", priority,
                     "batch, standard (default) or interactive");
  command.add_option("--time-budget", time_budget,
                     "Time that the server has for it: 2s, 500ms. Refused at "
                     "once if it cannot suffice");
  command.add_flag("--best-effort", best_effort,
                   "Rather less than late: fewer steps, then fewer stages");
}

absl::StatusOr<v1::GenerateImageRequest> RequestFlags::ToRequest(
    const v1::Cascade& cascade_spec, int first_stage) const {
  v1::GenerateImageRequest request;
  request.set_cascade(cascade);
  RETURN_IF_ERROR(SetClass(class_choice, cascade_spec, request));
  if (seed.has_value()) request.set_seed(*seed);
  if (image_count.has_value()) request.set_image_count(*image_count);
  if (target_stage.has_value()) request.set_target_stage(*target_stage);
  StageFlags entries(request, first_stage, TargetStage(request, cascade_spec));
  RETURN_IF_ERROR(entries.Set("--sampler", samplers, SetSampler));
  RETURN_IF_ERROR(entries.Set("--steps", steps, SetSteps));
  RETURN_IF_ERROR(entries.Set("--eta", etas, SetEta));
  RETURN_IF_ERROR(entries.Set("--guidance", guidance, SetGuidance));
  RETURN_IF_ERROR(SetInterval(guidance_interval, entries));
  RETURN_IF_ERROR(entries.Set("--augmentation", augmentation, SetAugmentation));
  RETURN_IF_ERROR(entries.Set("--augmentation-mode", augmentation_modes,
                              SetAugmentationMode));
  RETURN_IF_ERROR(entries.Set("--threshold", thresholds, SetThreshold));
  RETURN_IF_ERROR(entries.Set("--schedule", schedules, SetSchedule));
  RETURN_IF_ERROR(SetOutput(*this, request));
  RETURN_IF_ERROR(SetScheduling(*this, request));
  return request;
}

bool RequestFlags::DiffersByStage() const {
  const std::string* const flags[] = {
      &samplers,           &steps,      &etas,     &guidance, &augmentation,
      &augmentation_modes, &thresholds, &schedules};
  return std::any_of(std::begin(flags), std::end(flags),
                     [](const std::string* flag) {
                       return flag->find(',') != std::string::npos;
                     });
}

int TargetStage(const v1::GenerateImageRequest& request,
                const v1::Cascade& cascade_spec) {
  const int top = std::max(0, cascade_spec.stages_size() - 1);
  if (!request.has_target_stage()) return top;
  return std::clamp(request.target_stage(), 0, top);
}

std::string ClassLabel(const v1::GenerateImageRequest& request,
                       const v1::Cascade& cascade_spec) {
  if (request.has_class_name()) return request.class_name();
  if (!request.has_class_id()) return "none";
  const int id = request.class_id();
  if (id >= 0 && id < cascade_spec.class_names_size()) {
    return cascade_spec.class_names(id);
  }
  return absl::StrCat(id);
}

absl::StatusOr<absl::Duration> ParseDurationFlag(const std::string& flag,
                                                 const std::string& value) {
  absl::Duration duration;
  double seconds = 0;
  if (absl::SimpleAtod(value, &seconds) && std::isfinite(seconds)) {
    duration = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(value, &duration)) {
    return WrongFlag(flag, value, "such as 1.5s, 200ms or 2m");
  }
  if (!(duration > absl::ZeroDuration())) {
    return WrongFlag(flag, value, "must be positive");
  }
  if (duration == absl::InfiniteDuration()) {
    return WrongFlag(flag, value, "must be finite");
  }
  return duration;
}

}  // namespace cascade
