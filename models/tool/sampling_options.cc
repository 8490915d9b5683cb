#include "models/tool/sampling_options.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "models/sampling/sampler_choice.h"
#include "models/weights/spec_json.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Calls `set` with each stage's value of `values`, if there are any.
template <typename T, typename Set>
absl::Status ForStages(const char* option, const std::vector<T>& values,
                       std::vector<StageSampling>* stages, Set set) {
  if (values.empty()) return absl::OkStatus();
  if (values.size() != 1 && values.size() != stages->size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, " takes one value or one for each of the ",
                     stages->size(), " stages, has ", values.size()));
  }
  for (size_t i = 0; i < stages->size(); ++i) {
    set(values[values.size() == 1 ? 0 : i], &(*stages)[i]);
  }
  return absl::OkStatus();
}

SamplerKind KindOf(const std::string& name) {
  if (name == "ddpm") return SamplerKind::kDdpm;
  if (name == "dpmpp_2m") return SamplerKind::kDpmSolverPlusPlus2M;
  if (name == "heun") return SamplerKind::kHeun;
  if (name == "consistency") return SamplerKind::kConsistency;
  if (name == "unipc_3") return SamplerKind::kUniPc3;
  return SamplerKind::kDdim;
}

// The name and the numbers of "NAME:NUMBER:NUMBER".
struct NameAndNumbers {
  std::string name;
  std::vector<double> numbers;
};

absl::StatusOr<NameAndNumbers> Parse(const char* option,
                                     const std::string& text, size_t most) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  NameAndNumbers parsed = {.name = parts[0], .numbers = {}};
  for (size_t i = 1; i < parts.size(); ++i) {
    double number = 0;
    if (parts.size() > most + 1 || !absl::SimpleAtod(parts[i], &number)) {
      return absl::InvalidArgumentError(
          absl::StrCat(option, " ", text, " cannot be read"));
    }
    parsed.numbers.push_back(number);
  }
  return parsed;
}

absl::Status ReadThreshold(const std::string& text,
                           ThresholdOptions* threshold) {
  ASSIGN_OR_RETURN(const NameAndNumbers parsed, Parse("--threshold", text, 2));
  *threshold = ThresholdOptions();
  if (parsed.name == "none") {
    threshold->kind = ThresholdKind::kNone;
  } else if (parsed.name == "dynamic") {
    threshold->kind = ThresholdKind::kDynamic;
  } else if (parsed.name != "static") {
    return absl::InvalidArgumentError(absl::StrCat(
        "--threshold ", text, ": none, static or dynamic is expected"));
  }
  // CompileSampler() judges the numbers.
  if (!parsed.numbers.empty()) threshold->quantile = parsed.numbers[0];
  if (parsed.numbers.size() > 1) threshold->max = parsed.numbers[1];
  return absl::OkStatus();
}

absl::Status ReadSchedule(const std::string& text,
                          std::optional<SamplingSchedule>* schedule) {
  ASSIGN_OR_RETURN(const NameAndNumbers parsed, Parse("--schedule", text, 3));
  const std::vector<double>& numbers = parsed.numbers;
  schedule->reset();
  if (parsed.name == "trained" && numbers.empty()) return absl::OkStatus();
  if ((parsed.name != "linear" && parsed.name != "cosine") ||
      numbers.size() == 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("--schedule ", text,
                     ": trained, cosine, linear, KIND:TIMESTEPS or "
                     "linear:TIMESTEPS:BETA_BEGIN:BETA_END is expected"));
  }
  SamplingSchedule& chosen = schedule->emplace();
  chosen.kind =
      parsed.name == "linear" ? ScheduleKind::kLinear : ScheduleKind::kCosine;
  if (!numbers.empty()) {
    // Out of range, it is refused by its value.
    chosen.num_timesteps = static_cast<int>(std::clamp(numbers[0], -1.0, 1e6));
  }
  if (numbers.size() == 3) chosen.betas = BetaRange{numbers[1], numbers[2]};
  return absl::OkStatus();
}

}  // namespace

void SamplingOptions::AddTo(CLI::App& command) {
  const auto list = [&](const char* name, auto* values, const char* text) {
    return command
        .add_option(name, *values,
                    std::string(text) +
                        "; one value, or one a stage, "
                        "separated by commas (default: the package's)")
        ->delimiter(',')
        ->allow_extra_args(false);
  };
  list("--sampler", &samplers,
       "ddpm, ddim, dpmpp_2m, heun, unipc_3 or consistency")
      ->check(CLI::IsMember(
          {"ddpm", "ddim", "dpmpp_2m", "heun", "unipc_3", "consistency"}));
  list("--sampler_steps", &steps, "Denoising steps")
      ->check(CLI::PositiveNumber);
  list("--eta", &eta, "DDIM's noise, 0 to 1")->check(CLI::Range(0.0, 1.0));
  list("--guidance", &guidance, "Guidance scale, 1 is none")
      ->check(CLI::Range(0.0, 100.0));
  list("--guidance_begin", &guidance_begin,
       "Guidance from this share of the noise")
      ->check(CLI::Range(0.0, 1.0));
  list("--guidance_end", &guidance_end,
       "Guidance up to this share of the noise")
      ->check(CLI::Range(0.0, 1.0));
  list("--augmentation", &augmentation, "Conditioning augmentation level")
      ->check(CLI::Range(0.0, 1.0));
  list("--augmentation_mode", &augmentation_modes,
       "truncated (the stage below stops at the level) or non_truncated")
      ->check(CLI::IsMember({"truncated", "non_truncated"}));
  list("--threshold", &thresholds,
       "none, static, dynamic, dynamic:QUANTILE or dynamic:QUANTILE:MAX");
  list("--schedule", &schedules,
       "Of stages that are told noise levels: trained, cosine, linear, "
       "KIND:TIMESTEPS or linear:TIMESTEPS:BETA_BEGIN:BETA_END");
  command.add_option("--device", device, "cpu or cuda:N")
      ->capture_default_str();
  command
      .add_option("--precision", precision_name,
                  "What networks are computed in; auto: as the package says")
      ->check(CLI::IsMember(PrecisionNames()))
      ->capture_default_str();
  command.add_flag("--fast", fast,
                   "Use batch sizes whose bytes differ from other sizes', too");
}

Precision SamplingOptions::precision() const {
  const auto& names = PrecisionNames();
  return static_cast<Precision>(
      std::find(names.begin(), names.end(), precision_name) - names.begin());
}

absl::StatusOr<std::unique_ptr<CascadeModel>> SamplingOptions::Load(
    const std::string& package) const {
  // A wrong device is told before anything is read.
  RETURN_IF_ERROR(MemoryOf(device).status());
  LoadOptions options;
  options.reproducibility = reproducibility();
  options.precision = precision();
  return LoadCascade(package, options);
}

absl::StatusOr<std::vector<StageSampling>> SamplingOptions::StagesOf(
    const CascadeSpec& spec) const {
  std::vector<StageSampling> stages = CascadeSampler::Defaults(spec);
  RETURN_IF_ERROR(ForStages("--sampler", samplers, &stages,
                            [](const std::string& value, StageSampling* stage) {
                              ChooseSampler(KindOf(value), stage->sampler);
                            }));
  RETURN_IF_ERROR(ForStages("--sampler_steps", steps, &stages,
                            [](int value, StageSampling* stage) {
                              stage->sampler.num_steps = value;
                            }));
  RETURN_IF_ERROR(ForStages(
      "--eta", eta, &stages,
      [](double value, StageSampling* stage) { stage->sampler.eta = value; }));
  RETURN_IF_ERROR(ForStages("--guidance", guidance, &stages,
                            [](double value, StageSampling* stage) {
                              stage->sampler.guidance.scale = value;
                            }));
  RETURN_IF_ERROR(ForStages("--guidance_begin", guidance_begin, &stages,
                            [](double value, StageSampling* stage) {
                              stage->sampler.guidance.interval_begin = value;
                            }));
  RETURN_IF_ERROR(ForStages("--guidance_end", guidance_end, &stages,
                            [](double value, StageSampling* stage) {
                              stage->sampler.guidance.interval_end = value;
                            }));
  RETURN_IF_ERROR(ForStages("--augmentation", augmentation, &stages,
                            [](double value, StageSampling* stage) {
                              stage->augmentation_level = value;
                            }));
  RETURN_IF_ERROR(ForStages("--augmentation_mode", augmentation_modes, &stages,
                            [](const std::string& value, StageSampling* stage) {
                              stage->augmentation_mode =
                                  value == "truncated"
                                      ? AugmentationMode::kTruncated
                                      : AugmentationMode::kNonTruncated;
                            }));
  absl::Status wrong;
  RETURN_IF_ERROR(
      ForStages("--threshold", thresholds, &stages,
                [&](const std::string& value, StageSampling* stage) {
                  wrong.Update(ReadThreshold(value, &stage->sampler.threshold));
                }));
  RETURN_IF_ERROR(
      ForStages("--schedule", schedules, &stages,
                [&](const std::string& value, StageSampling* stage) {
                  wrong.Update(ReadSchedule(value, &stage->sampler.schedule));
                }));
  RETURN_IF_ERROR(wrong);
  // A base has no input to change.
  for (size_t i = 0; i < stages.size(); ++i) {
    if (spec.stages[i].low_resolution == 0) {
      stages[i].augmentation_level = 0;
      stages[i].augmentation_mode = AugmentationMode::kNonTruncated;
    }
  }
  return stages;
}

}  // namespace cascade
