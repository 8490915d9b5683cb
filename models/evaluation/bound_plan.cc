#include "models/evaluation/bound_plan.h"

#include "absl/strings/str_cat.h"
#include "models/truncation.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

double LevelOf(const StageSpec& spec, size_t index,
               const BoundOptions& options) {
  if (spec.low_resolution == 0) return 0;
  if (!options.augmentation_levels.empty()) {
    return options.augmentation_levels[index];
  }
  return spec.augmentation.enabled ? spec.augmentation.default_level : 0;
}

absl::Status CheckStage(const StageSpec& spec, double level) {
  if (spec.diffusion.schedule == ScheduleKind::kKarras) {
    return absl::InvalidArgumentError(
        absl::StrCat("stage ", spec.name,
                     " has a karras schedule: no timesteps, and so no bound "
                     "that is a sum over them"));
  }
  const double max =
      spec.augmentation.enabled ? spec.augmentation.max_level : 0;
  // Negated, so that NaN is refused.
  if (!(level >= 0 && level <= max)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the augmentation level of stage ", spec.name,
                     " must be in 0..", max, ", is ", level));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<StageBoundPlan>> PlanBound(
    const CascadeManifest& manifest, const BoundOptions& options) {
  const std::vector<StageManifest>& stages = manifest.stages;
  const std::vector<double>& levels = options.augmentation_levels;
  if (!levels.empty() && levels.size() != stages.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("augmentation levels: ", levels.size(), " for ",
                     stages.size(), " stages"));
  }
  std::vector<StageBoundPlan> plans;
  for (size_t i = 0; i < stages.size(); ++i) {
    const StageSpec& spec = stages[i].spec;
    StageBoundPlan plan;
    plan.augmentation_level = LevelOf(spec, i, options);
    RETURN_IF_ERROR(CheckStage(spec, plan.augmentation_level));
    plan.augmentation =
        AugmentationAtLevel(NoiseSchedule(spec.augmentation.schedule,
                                          spec.augmentation.num_timesteps),
                            plan.augmentation_level);
    if (options.kind == BoundKind::kTruncated && plan.augmentation.index > 0) {
      // The bound is of the process that the stage was trained with, whatever
      // its sampler.
      RETURN_IF_ERROR(
          CheckTruncation(stages[i - 1].spec, SamplerOptions(), spec));
      plans.back().first_timestep = plan.augmentation.index;
    }
    plans.push_back(plan);
  }
  return plans;
}

}  // namespace cascade
