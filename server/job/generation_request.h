#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "models/sampling/sampler_options.h"

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

// One stage of a request, defaults filled in.
struct StageOptions {
  SamplerOptions sampler;
  double augmentation_level = 0;
};

// What a client asked for, checked against the cascade and completed with its
// defaults: a value that the server can run without further questions.
struct GenerationRequest {
  std::string request_id;
  std::string cascade;
  std::optional<int> class_id;  // None: an unconditional image.
  uint64_t seed = 0;            // Image i has seed + i (mod 2^64).
  int image_count = 1;
  int target_stage = 0;              // The last stage to run.
  std::vector<StageOptions> stages;  // One for each stage 0..target_stage.
  OutputOptions output;
  absl::Time deadline = absl::InfiniteFuture();
};

}  // namespace cascade
