#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/precision.h"
#include "models/sampling/diffusion_spec.h"
#include "models/sampling/sampler_options.h"

namespace cascade {

// Where the stage below stops under conditioning augmentation.
enum class AugmentationMode {
  kNonTruncated,  // It finishes, and its image is made noisy again.
  kTruncated,     // It stops at the level and hands its noisy image over.
};

// Conditioning augmentation (Ho et al. 2022, section 4) of a stage's
// low-resolution input. The level s is a fraction of the stage's own
// augmentation schedule: 0 is a clean input, 1 is noise.
struct AugmentationSpec {
  bool enabled = false;  // The network was trained with it and is told s.
  ScheduleKind schedule = ScheduleKind::kCosine;
  int num_timesteps = 1000;
  double default_level = 0;
  double max_level = 1;  // The largest level seen in training.
  AugmentationMode default_mode = AugmentationMode::kNonTruncated;
};

// How a low-resolution image is enlarged, pixel centres kept apart from the
// corners (align_corners false).
enum class LowResolutionUpsampling { kBilinear, kBicubic };

// What a stage makes of the image that the stage below hands over. The other
// two repeat what published pipelines lose between their scripts.
enum class Handover {
  kFloat,  // Nothing.
  kUint8,  // Rounded to the nearest of 256 levels (GLIDE).
  // Rounded down to one of 256 levels (guided-diffusion's super_res_sample).
  kUint8Truncated,
};

// What a row of one stage costs, measured at load on the executor's device.
struct BatchCost {
  int rows = 0;
  double step_seconds = 0;
};

// Everything about a stage that a caller may know without its weights.
struct StageSpec {
  std::string name;        // "16x16"; unique in the cascade.
  int index = 0;           // 0 is the base.
  int resolution = 0;      // Height and width of the stage's image, pixels.
  int low_resolution = 0;  // Of its input image; 0 for the base.
  int channels = 0;        // 1 or 3.
  int num_classes = 0;     // 0: unconditional.
  bool has_null_class = false;  // Classifier-free guidance is possible.
  LowResolutionUpsampling upsampling = LowResolutionUpsampling::kBilinear;
  Handover handover = Handover::kFloat;
  DiffusionSpec diffusion;
  AugmentationSpec augmentation;
  SamplerOptions default_sampler;

  // As its package says, unless LoadOptions says otherwise.
  Precision precision = Precision::kAuto;
  // How far its finished images in bf16 are from those in fp32, root mean
  // square, levels of 8 bits; none: not measured.
  std::optional<double> bf16_distance;
  // What the devices that serve it compute in, never kAuto; one, unless they
  // differ. Empty: no device has loaded it yet.
  std::vector<Precision> served_precisions;

  int64_t parameters = 0;
  std::string weights_sha256;
};

// A cascade as its package describes it.
struct CascadeSpec {
  std::string name;  // As loaded: `--cascade NAME=PACKAGE`.
  std::string description;
  std::string digest;                    // SHA-256 of its cascade.json, hex.
  std::vector<std::string> class_names;  // Empty: unconditional.
  std::vector<StageSpec> stages;         // From low to high resolution.
};

}  // namespace cascade
