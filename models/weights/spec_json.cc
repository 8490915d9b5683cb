#include "models/weights/spec_json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/sampling/sampler_check.h"

namespace cascade {
namespace {

using Json = nlohmann::ordered_json;

// In the order of the enumerators.
const std::vector<std::string>& AttentionOrderNames() {
  static const auto* const kNames =
      new std::vector<std::string>{"legacy", "new"};
  return *kNames;
}
const std::vector<std::string>& ScheduleNames() {
  static const auto* const kNames =
      new std::vector<std::string>{"linear", "cosine", "karras"};
  return *kNames;
}
// Those with timesteps.
const std::vector<std::string>& DiscreteScheduleNames() {
  static const auto* const kNames =
      new std::vector<std::string>{"linear", "cosine"};
  return *kNames;
}
const std::vector<std::string>& PredictionNames() {
  static const auto* const kNames =
      new std::vector<std::string>{"eps", "v", "x0", "edm", "consistency"};
  return *kNames;
}
const std::vector<std::string>& VarianceNames() {
  static const auto* const kNames = new std::vector<std::string>{
      "fixed_small", "fixed_large", "learned_range"};
  return *kNames;
}
const std::vector<std::string>& ConditioningNames() {
  static const auto* const kNames =
      new std::vector<std::string>{"timestep", "noise_level"};
  return *kNames;
}
const std::vector<std::string>& SamplerNames() {
  static const auto* const kNames = new std::vector<std::string>{
      "ddpm", "ddim", "dpmpp_2m", "heun", "consistency", "unipc_3"};
  return *kNames;
}
const std::vector<std::string>& ModeNames() {
  static const auto* const kNames =
      new std::vector<std::string>{"non_truncated", "truncated"};
  return *kNames;
}
const std::vector<std::string>& ThresholdNames() {
  static const auto* const kNames =
      new std::vector<std::string>{"none", "static", "dynamic"};
  return *kNames;
}

template <typename Enum>
const std::string& NameOf(const std::vector<std::string>& names, Enum value) {
  return names[static_cast<size_t>(value)];
}

// Of a process in sigma; a discrete one has none of these.
void ReadKarras(JsonFields* fields, DiffusionSpec* spec) {
  if (spec->schedule != ScheduleKind::kKarras) {
    for (const char* key : {"sigma_min", "sigma_max", "rho", "sigma_data"}) {
      if (fields->Has(key)) fields->Fail(key, "goes with schedule karras only");
    }
    return;
  }
  KarrasSpec& karras = spec->karras;
  fields->Double("sigma_min", &karras.sigma_min, 1e-6, 1e6);
  fields->Double("sigma_max", &karras.sigma_max, 1e-6, 1e6);
  fields->Double("rho", &karras.rho, 1, 100);
  fields->Double("sigma_data", &karras.sigma_data, 1e-3, 1e3);
}

}  // namespace

const std::vector<std::string>& UpsamplingNames() {
  static const auto* const kNames =
      new std::vector<std::string>{"bilinear", "bicubic"};
  return *kNames;
}

const std::vector<std::string>& HandoverNames() {
  static const auto* const kNames =
      new std::vector<std::string>{"float", "uint8", "uint8_truncated"};
  return *kNames;
}

const std::vector<std::string>& PrecisionNames() {
  static const auto* const kNames = new std::vector<std::string>{
      PrecisionName(Precision::kAuto), PrecisionName(Precision::kFp32),
      PrecisionName(Precision::kBf16), PrecisionName(Precision::kFp16)};
  return *kNames;
}

absl::Status ReadNetwork(JsonFields fields, UNetConfig* config) {
  fields.RequiredInt("model_channels", &config->model_channels, 2, 8192);
  fields.Doubles("channel_mult", &config->channel_mult, 0.01, 1024);
  fields.Int("num_res_blocks", &config->num_res_blocks, 1, 64);
  fields.Ints("attention_downsampling", &config->attention_downsampling, 1,
              512);
  fields.Int("num_heads", &config->num_heads, 1, 1024);
  fields.Int("num_head_channels", &config->num_head_channels, 0, 8192);
  fields.Choice("attention_order", &config->attention_order,
                AttentionOrderNames());
  fields.Int("num_classes", &config->num_classes, 0, 1000000);
  fields.Bool("null_class", &config->null_class);
  fields.Bool("scale_shift_norm", &config->scale_shift_norm);
  fields.Bool("resblock_updown", &config->resblock_updown);
  fields.Bool("conv_resample", &config->conv_resample);
  fields.Int("norm_groups", &config->norm_groups, 1, 1024);
  fields.Double("dropout", &config->dropout, 0, 0.99);
  return fields.Finish();
}

Json WriteNetwork(const UNetConfig& config) {
  return {
      {"model_channels", config.model_channels},
      {"channel_mult", config.channel_mult},
      {"num_res_blocks", config.num_res_blocks},
      {"attention_downsampling", config.attention_downsampling},
      {"num_heads", config.num_heads},
      {"num_head_channels", config.num_head_channels},
      {"attention_order",
       NameOf(AttentionOrderNames(), config.attention_order)},
      {"num_classes", config.num_classes},
      {"null_class", config.null_class},
      {"scale_shift_norm", config.scale_shift_norm},
      {"resblock_updown", config.resblock_updown},
      {"conv_resample", config.conv_resample},
      {"norm_groups", config.norm_groups},
      {"dropout", config.dropout},
  };
}

absl::Status ReadDiffusion(JsonFields fields, DiffusionSpec* spec) {
  fields.Int("num_timesteps", &spec->num_timesteps, 1, 100000);
  fields.Choice("schedule", &spec->schedule, ScheduleNames());
  fields.Choice("prediction", &spec->prediction, PredictionNames());
  fields.Choice("variance", &spec->variance, VarianceNames());
  fields.Choice("conditioning", &spec->conditioning, ConditioningNames());
  if (spec->conditioning == NoiseConditioning::kNoiseLevel &&
      spec->variance == VarianceKind::kLearnedRange) {
    fields.Fail("variance",
                "must not be learned_range with conditioning noise_level: its "
                "range is that of a timestep, which the network is not told");
  }
  ReadKarras(&fields, spec);
  const absl::Status possible = CheckDiffusion(*spec);
  if (!possible.ok()) fields.Fail(std::string(possible.message()), "");
  return fields.Finish();
}

Json WriteDiffusion(const DiffusionSpec& spec) {
  Json json = {
      {"num_timesteps", spec.num_timesteps},
      {"schedule", NameOf(ScheduleNames(), spec.schedule)},
      {"prediction", NameOf(PredictionNames(), spec.prediction)},
      {"variance", NameOf(VarianceNames(), spec.variance)},
      {"conditioning", NameOf(ConditioningNames(), spec.conditioning)}};
  if (spec.schedule == ScheduleKind::kKarras) {
    json["sigma_min"] = spec.karras.sigma_min;
    json["sigma_max"] = spec.karras.sigma_max;
    json["rho"] = spec.karras.rho;
    json["sigma_data"] = spec.karras.sigma_data;
  }
  return json;
}

absl::Status ReadAugmentation(JsonFields fields, AugmentationSpec* spec) {
  spec->enabled = true;
  fields.Int("num_timesteps", &spec->num_timesteps, 1, 100000);
  fields.Choice("schedule", &spec->schedule, DiscreteScheduleNames());
  fields.Double("max_level", &spec->max_level, 0, 1);
  fields.Double("default_level", &spec->default_level, 0, 1);
  fields.Choice("mode", &spec->default_mode, ModeNames());
  if (spec->default_level > spec->max_level) {
    fields.Fail("default_level",
                absl::StrCat("must be at most max_level (", spec->max_level,
                             "), is ", spec->default_level));
  }
  return fields.Finish();
}

Json WriteAugmentation(const AugmentationSpec& spec) {
  return {{"num_timesteps", spec.num_timesteps},
          {"schedule", NameOf(ScheduleNames(), spec.schedule)},
          {"max_level", spec.max_level},
          {"default_level", spec.default_level},
          {"mode", NameOf(ModeNames(), spec.default_mode)}};
}

namespace {

absl::Status ReadThreshold(JsonFields fields, ThresholdOptions* options) {
  fields.Choice("kind", &options->kind, ThresholdNames());
  for (const char* key : {"quantile", "max"}) {
    if (options->kind != ThresholdKind::kDynamic && fields.Has(key)) {
      fields.Fail(key, "needs kind dynamic");
    }
  }
  fields.Double("quantile", &options->quantile, 0, 1);
  fields.Double("max", &options->max, 1, std::numeric_limits<double>::max());
  return fields.Finish();
}

Json WriteThreshold(const ThresholdOptions& options) {
  Json json = {{"kind", NameOf(ThresholdNames(), options.kind)}};
  if (options.kind != ThresholdKind::kDynamic) return json;
  json["quantile"] = options.quantile;
  if (std::isfinite(options.max)) json["max"] = options.max;
  return json;
}

absl::Status ReadSchedule(JsonFields fields, SamplingSchedule* schedule) {
  fields.Choice("kind", &schedule->kind, DiscreteScheduleNames());
  fields.Int("num_timesteps", &schedule->num_timesteps, 1, 100000);
  if (fields.Has("beta_begin") != fields.Has("beta_end")) {
    fields.Fail(fields.Has("beta_begin") ? "beta_begin" : "beta_end",
                "needs the other end of the range");
  }
  if (!fields.Has("beta_begin")) return fields.Finish();
  if (schedule->kind != ScheduleKind::kLinear) {
    fields.Fail("beta_begin", "needs kind linear");
  }
  BetaRange betas;
  fields.Double("beta_begin", &betas.begin, 1e-12, 0.9999);
  fields.Double("beta_end", &betas.end, betas.begin, 0.9999);
  schedule->betas = betas;
  return fields.Finish();
}

Json WriteSchedule(const SamplingSchedule& schedule) {
  Json json = {{"kind", NameOf(ScheduleNames(), schedule.kind)},
               {"num_timesteps", schedule.num_timesteps}};
  if (schedule.betas.has_value()) {
    json["beta_begin"] = schedule.betas->begin;
    json["beta_end"] = schedule.betas->end;
  }
  return json;
}

// Whether a process takes the sampler and as many steps, by the names of the
// file; the defaults of a key that is absent fit most, not all.
void CheckKindAndSteps(const DiffusionSpec& diffusion, int num_timesteps,
                       const SamplerOptions& options, JsonFields* fields) {
  const std::vector<SamplerKind> kinds = SamplersOf(diffusion);
  if (std::find(kinds.begin(), kinds.end(), options.kind) == kinds.end()) {
    const std::string names =
        absl::StrJoin(kinds, ", ", [](std::string* text, SamplerKind kind) {
          absl::StrAppend(text, NameOf(SamplerNames(), kind));
        });
    fields->Fail(
        "kind",
        absl::StrCat("must be one of ", names, " for this diffusion, is \"",
                     NameOf(SamplerNames(), options.kind), "\""));
  }
  if (options.num_steps > num_timesteps) {
    fields->Fail("steps",
                 absl::StrCat("must be an integer in 1..", num_timesteps,
                              ", is ", options.num_steps));
  }
}

}  // namespace

absl::Status ReadSampler(JsonFields fields, const DiffusionSpec& diffusion,
                         SamplerOptions* options) {
  int num_timesteps = diffusion.num_timesteps;
  if (fields.Has("schedule")) {
    if (diffusion.conditioning != NoiseConditioning::kNoiseLevel) {
      fields.Fail("schedule", "needs diffusion.conditioning noise_level");
    }
    options->schedule.emplace();
    fields.Merge(
        ReadSchedule(fields.Object("schedule", true), &*options->schedule));
    num_timesteps = options->schedule->num_timesteps;
  }
  fields.Choice("kind", &options->kind, SamplerNames());
  fields.Int("steps", &options->num_steps, 1, num_timesteps);
  CheckKindAndSteps(diffusion, num_timesteps, *options, &fields);
  if (fields.Has("threshold")) {
    fields.Merge(
        ReadThreshold(fields.Object("threshold", true), &options->threshold));
  }
  fields.Double("eta", &options->eta, 0, 1);
  fields.Ints("grid_points", &options->grid_points, 0,
              diffusion.num_timesteps - 1);
  GuidanceOptions& guidance = options->guidance;
  fields.Double("guidance_scale", &guidance.scale, 0, 100);
  std::vector<double> interval = {guidance.interval_begin,
                                  guidance.interval_end};
  fields.Doubles("guidance_interval", &interval, 0, 1);
  if (interval.size() != 2 || interval[0] > interval[1]) {
    fields.Fail("guidance_interval", "must be [begin, end], begin <= end");
  } else {
    guidance.interval_begin = interval[0];
    guidance.interval_end = interval[1];
  }
  return fields.Finish();
}

Json WriteSampler(const SamplerOptions& options) {
  Json json = {
      {"kind", NameOf(SamplerNames(), options.kind)},
      {"steps", options.num_steps},
      {"eta", options.eta},
      {"guidance_scale", options.guidance.scale},
      {"guidance_interval",
       {options.guidance.interval_begin, options.guidance.interval_end}},
      {"threshold", WriteThreshold(options.threshold)}};
  if (!options.grid_points.empty()) json["grid_points"] = options.grid_points;
  if (options.schedule.has_value()) {
    json["schedule"] = WriteSchedule(*options.schedule);
  }
  return json;
}

}  // namespace cascade
