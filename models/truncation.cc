#include "models/truncation.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "models/sampling/augmentation.h"

namespace cascade {
namespace {

std::string Title(const StageSpec& stage) {
  return absl::StrCat("stage ", stage.index, " (", stage.name, ")");
}

std::string Process(ScheduleKind kind, int num_timesteps) {
  const char* name = "";
  if (kind == ScheduleKind::kLinear) name = "linear";
  if (kind == ScheduleKind::kCosine) name = "cosine";
  if (kind == ScheduleKind::kKarras) name = "karras";
  return absl::StrCat(name, ", ", num_timesteps, " timesteps");
}

}  // namespace

absl::Status CheckTruncation(const StageSpec& lower,
                             const SamplerOptions& lower_sampler,
                             const StageSpec& upper) {
  const AugmentationSpec& augmentation = upper.augmentation;
  if (!augmentation.enabled) {
    return absl::InvalidArgumentError(absl::StrCat(
        Title(upper), " was not trained with conditioning augmentation"));
  }
  if (augmentation.schedule != lower.diffusion.schedule ||
      augmentation.num_timesteps != lower.diffusion.num_timesteps) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the augmentation schedule of ", Title(upper), " (",
        Process(augmentation.schedule, augmentation.num_timesteps),
        ") is not the process of ", Title(lower), " (",
        Process(lower.diffusion.schedule, lower.diffusion.num_timesteps), ")"));
  }
  if (upper.handover != Handover::kFloat) {
    return absl::InvalidArgumentError(absl::StrCat(
        Title(upper), " takes images of 8 bits, and noise is none"));
  }
  if (lower_sampler.schedule.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        Title(lower), " is to run another schedule than it was trained with"));
  }
  return absl::OkStatus();
}

std::optional<int> TruncationTimestep(const StageSpec& upper, double level) {
  const int index = AugmentationIndex(upper.augmentation.num_timesteps, level);
  if (index == 0) return std::nullopt;
  return index - 1;
}

double LevelOfIndex(const StageSpec& upper, int index) {
  const AugmentationSpec& augmentation = upper.augmentation;
  return std::min(static_cast<double>(index) / augmentation.num_timesteps,
                  augmentation.max_level);
}

}  // namespace cascade
