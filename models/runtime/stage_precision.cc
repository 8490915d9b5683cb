#include "models/runtime/stage_precision.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "models/plan/instruction_set.h"

namespace cascade {
namespace {

bool IsCloseInBf16(const StageSpec& spec) {
  return spec.bf16_distance.has_value() &&
         *spec.bf16_distance <= kLargestBf16Distance;
}

}  // namespace

PrecisionSupport CpuPrecisionSupport() {
  // oneDNN computes bfloat16 from AVX-512 on.
  return {.has_bf16 = __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq"),
          .has_bf16_units = HasBfloat16Units()};
}

absl::StatusOr<Precision> ChoosePrecision(const StageSpec& spec,
                                          Precision wanted,
                                          const PrecisionSupport& support) {
  const Precision chosen = wanted == Precision::kAuto ? spec.precision : wanted;
  const bool has_it = chosen == Precision::kBf16   ? support.has_bf16
                      : chosen == Precision::kFp16 ? support.has_fp16
                                                   : true;
  if (!has_it) {
    return absl::InvalidArgumentError(
        absl::StrCat("precision = ", PrecisionName(chosen), " of stage ",
                     spec.name, ": the device does not compute in it"));
  }
  if (chosen != Precision::kAuto) return chosen;
  return support.has_bf16_units && IsCloseInBf16(spec) ? Precision::kBf16
                                                       : Precision::kFp32;
}

}  // namespace cascade
