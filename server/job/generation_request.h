#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "models/sampling/sampler_options.h"
#include "models/stage_executor.h"
#include "models/stage_spec.h"

namespace cascade {

enum class ImageFormat { kPng, kJpeg, kWebp, kRaw };

// What the client wants to see of its images.
struct OutputOptions {
  ImageFormat format = ImageFormat::kPng;
  int quality = 90;  // JPEG and WebP, 1..100.
  // Sends a preview after every this many steps of a stage; 0: none.
  int preview_every_steps = 0;
  // stage_images[k]: send stage k's image. The target stage's is always sent.
  std::vector<bool> stage_images;
};

// Whose turn comes first; no class starves another.
enum class Priority { kBatch, kStandard, kInteractive };
inline constexpr int kNumPriorities = 3;

// What happens to a request that cannot be finished in time.
enum class DeadlinePolicy {
  kStrict,      // It is refused, or ended.
  kBestEffort,  // Fewer steps, then a lower target stage.
};

// One stage of a request, defaults filled in.
struct StageOptions {
  SamplerOptions sampler;
  double augmentation_level = 0;
  // kTruncated: the stage below, if it runs, stops at the level.
  AugmentationMode augmentation_mode = AugmentationMode::kNonTruncated;
};

// What a client asked for, checked against the cascade and completed with its
// defaults: a value that the server can run without further questions.
struct GenerationRequest {
  std::string request_id;
  std::string cascade;
  // Of the version of the cascade that it was checked against.
  std::string cascade_digest;
  std::optional<int> class_id;  // None: an unconditional image.
  uint64_t seed = 0;            // Image i has seed + i (mod 2^64).
  int image_count = 1;
  int first_stage = 0;               // The first stage to run...
  int target_stage = 0;              // ... and the last.
  std::vector<StageOptions> stages;  // One for each stage 0..target_stage.
  // What the first stage enlarges; null when that is the base.
  std::shared_ptr<const StageOutput> input;
  OutputOptions output;
  // Adds the exact output to the target stage's images; under kBestEffort to
  // each stage's.
  bool returns_state = false;
  // The earlier one of the client's deadline and the end of its time budget.
  absl::Time deadline = absl::InfiniteFuture();
  DeadlinePolicy deadline_policy = DeadlinePolicy::kStrict;
  Priority priority = Priority::kStandard;
  std::string tenant;  // As the client says; empty: it did not.
};

}  // namespace cascade
