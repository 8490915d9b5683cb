#include "models/tool/sampling_options.h"

#include "absl/strings/str_cat.h"
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
  command.add_option("--device", device, "cpu or cuda:N")
      ->capture_default_str();
  command.add_flag("--fast", fast,
                   "Use batch sizes whose bytes differ from other sizes', too");
}

absl::StatusOr<std::unique_ptr<CascadeModel>> SamplingOptions::Load(
    const std::string& package) const {
  LoadOptions options;
  options.reproducibility =
      fast ? Reproducibility::kFast : Reproducibility::kExact;
  return LoadCascade(package, options);
}

absl::StatusOr<std::vector<StageSampling>> SamplingOptions::StagesOf(
    const CascadeSpec& spec) const {
  std::vector<StageSampling> stages = CascadeSampler::Defaults(spec);
  RETURN_IF_ERROR(ForStages("--sampler", samplers, &stages,
                            [](const std::string& value, StageSampling* stage) {
                              stage->sampler.kind = KindOf(value);
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
  // A base has no input to change.
  for (size_t i = 0; i < stages.size(); ++i) {
    if (spec.stages[i].low_resolution == 0) stages[i].augmentation_level = 0;
  }
  return stages;
}

}  // namespace cascade
