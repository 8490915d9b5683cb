#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/sampling/augmentation.h"
#include "models/weights/cascade_manifest.h"

namespace cascade {

// What is bounded. x is an image of the last stage, x^k the same image reduced
// to stage k, x^k_s its noised version at index s.
enum class BoundKind {
  // The cascade whose stages stop at the index s that the next one is told, and
  // hand over x^k_s (Ho et al. 2022, section 4.1):
  //
  //   -log p(x) <= sum_k E[ log q(x^k_s | x^k) - log p(x^k_s | x^k-1_s) ]
  //                - E[ log p(x | x^K-1_s) ]
  //
  // the sum over all stages but the last, each by its own bound from s on.
  kTruncated,
  // The cascade whose stages run to the end and are noised afterwards: the
  // lower stages' whole bounds in the place of the sum.
  kNonTruncated,
  // Each stage by itself: -log p(x^k | x^k-1_s), per value of x^k.
  kStages,
};

struct BoundOptions {
  BoundKind kind = BoundKind::kTruncated;
  // Of each stage's input, in the order of the stages (the base's is ignored);
  // empty: the package's default levels.
  std::vector<double> augmentation_levels;
  // Terms that are drawn for an image and a stage, beside its decoder's; 0: all
  // of them.
  int timesteps_per_image = 0;
  uint64_t seed = 1;
  int batch_rows = 64;
  int threads = 1;  // Intra-op, on the CPU.
  std::string device = "cpu";
};

// What one stage has to do for it.
struct StageBoundPlan {
  double augmentation_level = 0;   // Of its input.
  AugmentationPoint augmentation;  // The same.
  int first_timestep = 0;          // Of its terms; 0: up to the decoder.
};

// One a stage of `manifest`. INVALID_ARGUMENT with the stage and the reason
// where the bound that `options` asks for does not exist.
absl::StatusOr<std::vector<StageBoundPlan>> PlanBound(
    const CascadeManifest& manifest, const BoundOptions& options);

}  // namespace cascade
