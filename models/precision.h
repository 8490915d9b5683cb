#pragma once

namespace cascade {

// What a stage's network is computed in. Weights on disk, images between steps
// and the sampler's arithmetic do not depend on it.
enum class Precision {
  // bf16 where the device has matrix units for it and the package says that the
  // stage's images stay close (kLargestBf16Distance); fp32 elsewhere.
  kAuto,
  kFp32,
  kBf16,
  kFp16,  // On a card only.
};

// "auto", "fp32", "bf16", "fp16".
constexpr const char* PrecisionName(Precision precision) {
  switch (precision) {
    case Precision::kAuto:
      return "auto";
    case Precision::kFp32:
      return "fp32";
    case Precision::kBf16:
      return "bf16";
    case Precision::kFp16:
      return "fp16";
  }
  return "";
}

// In levels of 8 bits (StageSpec::bf16_distance): what rounding to pixels makes
// of half of the values.
inline constexpr double kLargestBf16Distance = 0.5;

}  // namespace cascade
