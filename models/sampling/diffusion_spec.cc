#include "models/sampling/diffusion_spec.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr int kMaxTimesteps = 100000;

// As a package names them.
absl::string_view NameOf(PredictionType prediction) {
  switch (prediction) {
    case PredictionType::kEpsilon:
      return "eps";
    case PredictionType::kVelocity:
      return "v";
    case PredictionType::kSample:
      return "x0";
    case PredictionType::kEdm:
      return "edm";
    case PredictionType::kConsistency:
      return "consistency";
  }
  return "unknown";
}

// NaN is in no range.
absl::Status CheckRange(absl::string_view field, double value, double low,
                        double high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " = ", value, " is not in ", low, "..", high));
}

absl::Status CheckKarras(const DiffusionSpec& spec) {
  const KarrasSpec& karras = spec.karras;
  RETURN_IF_ERROR(CheckRange("sigma_min", karras.sigma_min, 1e-6, 1e6));
  RETURN_IF_ERROR(CheckRange("sigma_max", karras.sigma_max, 1e-6, 1e6));
  if (karras.sigma_max <= karras.sigma_min) {
    return absl::InvalidArgumentError(
        absl::StrCat("sigma_max = ", karras.sigma_max,
                     " is not above sigma_min = ", karras.sigma_min));
  }
  RETURN_IF_ERROR(CheckRange("rho", karras.rho, 1, 100));
  RETURN_IF_ERROR(CheckRange("sigma_data", karras.sigma_data, 1e-3, 1e3));
  if (spec.variance != VarianceKind::kFixedSmall) {
    return absl::InvalidArgumentError(absl::StrCat(
        "variance = ",
        spec.variance == VarianceKind::kLearnedRange ? "learned_range"
                                                     : "fixed_large",
        ": schedule karras has no ancestral variance"));
  }
  if (spec.conditioning != NoiseConditioning::kTimestep) {
    return absl::InvalidArgumentError(
        "conditioning = noise_level: under schedule karras the network is told "
        "the logarithm of sigma");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckDiffusion(const DiffusionSpec& spec) {
  RETURN_IF_ERROR(
      CheckRange("num_timesteps", spec.num_timesteps, 1, kMaxTimesteps));
  const bool is_karras = spec.schedule == ScheduleKind::kKarras;
  const bool knows_sigma = spec.prediction == PredictionType::kEdm ||
                           spec.prediction == PredictionType::kConsistency;
  if (is_karras != knows_sigma) {
    return absl::InvalidArgumentError(
        absl::StrCat("prediction = ", NameOf(spec.prediction), ": ",
                     is_karras ? "schedule karras goes with edm and consistency"
                               : "goes with schedule karras"));
  }
  return is_karras ? CheckKarras(spec) : absl::OkStatus();
}

}  // namespace cascade
