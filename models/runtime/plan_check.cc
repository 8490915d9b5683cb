#include "models/runtime/plan_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "models/sampling/augmentation.h"

namespace cascade {
namespace {

absl::Status CheckInput(const StageSpec& spec, const ImagePlan& plan) {
  const double s = plan.augmentation_level;
  const double max =
      spec.augmentation.enabled ? spec.augmentation.max_level : 0.0;
  if (!(s >= 0 && s <= max)) {
    return absl::InvalidArgumentError(
        absl::StrCat("augmentation_level = ", s, " is not in 0..", max));
  }
  if (plan.parked != nullptr) return absl::OkStatus();
  if (spec.low_resolution == 0) {
    if (plan.input == nullptr) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("input: stage ", spec.name, " takes none"));
  }
  if (plan.input == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input: is missing, and stage ", spec.name, " enlarges one"));
  }
  if (plan.input->resolution() != spec.low_resolution ||
      plan.input->channels() != spec.channels) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input: is ", plan.input->channels(), " x ", plan.input->resolution(),
        " x ", plan.input->resolution(), ", and stage ", spec.name, " takes ",
        spec.channels, " x ", spec.low_resolution, " x ", spec.low_resolution));
  }
  if (spec.augmentation.enabled || plan.input->noise_index() > 0) {
    const int index = AugmentationIndex(spec.augmentation.num_timesteps, s);
    if (index < plan.input->noise_index()) {
      return absl::InvalidArgumentError(
          absl::StrCat("augmentation_level = ", s, " (index ", index,
                       ") is below the noise in the input (index ",
                       plan.input->noise_index(), ")"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPlan(const StageSpec& spec, const ImagePlan& plan) {
  if (plan.table == nullptr || plan.table->lines.empty()) {
    return absl::InvalidArgumentError("table: has no lines");
  }
  const bool learned = spec.diffusion.variance == VarianceKind::kLearnedRange;
  if (plan.table->learned_variance != learned) {
    return absl::InvalidArgumentError(
        "table.learned_variance: is not the network's");
  }
  const bool guided =
      std::any_of(plan.table->lines.begin(), plan.table->lines.end(),
                  [](const SamplerLine& line) { return line.guided; });
  if (guided && !spec.has_null_class) {
    return absl::InvalidArgumentError(
        absl::StrCat("guidance.scale = ", plan.table->guidance_scale,
                     ": stage ", spec.name, " has no null class"));
  }
  if (!plan.class_id.has_value()) {
    if (spec.num_classes > 0 && !spec.has_null_class) {
      return absl::InvalidArgumentError(absl::StrCat(
          "class_id: is missing, and stage ", spec.name, " has no null class"));
    }
  } else if (spec.num_classes > 0 &&
             (*plan.class_id < 0 || *plan.class_id >= spec.num_classes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("class_id = ", *plan.class_id, " is not one of the ",
                     spec.num_classes, " classes of stage ", spec.name));
  }
  return CheckInput(spec, plan);
}

}  // namespace cascade
