#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/nn/unet_config.h"
#include "models/stage_spec.h"
#include "models/weights/json_fields.h"
#include "models/weights/safetensors.h"
#include "models/weights/stage_source.h"

namespace cascade {

// Conditioning augmentation by blur, in training alone (Ho et al. 2022, section
// 4): a Gaussian kernel of 3x3 pixels on a share of the low-resolution inputs.
// Sampling has no use for it: it stands in a package to tell how the stage was
// trained.
struct ConditioningBlur {
  double share = 0;        // Of the examples; 0: no blur.
  double min_sigma = 0.4;  // Pixels; each image's is drawn evenly between the
  double max_sigma = 0.6;  // two.
};

// One stage of a package: everything that changes its mathematics, and where
// its weights are.
struct StageManifest {
  StageSpec spec;  // `index` and `parameters` are not in the file.
  UNetConfig network;
  ConditioningBlur blur;
  std::string weights_file;           // A name in the package's folder.
  std::optional<StageSource> source;  // Absent: it was trained here.
};

// cascade.json, the description of a cascade on disk (its schema stands in
// models/README.md).
struct CascadeManifest {
  std::string name;
  std::string description;
  std::vector<std::string> class_names;  // Empty: unconditional.
  std::vector<StageManifest> stages;     // From low to high resolution.
  std::string digest;                    // SHA-256 of the file.
};

inline constexpr char kManifestFile[] = "cascade.json";

// Reads and checks folder/cascade.json. NOT_FOUND, or INVALID_ARGUMENT with the
// file, the JSON path and the value of what is wrong.
absl::StatusOr<CascadeManifest> ReadManifest(const std::string& folder);
// INVALID_ARGUMENT when a text in it is no UTF-8.
absl::Status WriteManifest(const std::string& folder,
                           const CascadeManifest& manifest);

// What ReadManifest() checks of a cascade as a whole: how its stages follow one
// another, and its classes. INVALID_ARGUMENT naming `file`.
absl::Status CheckManifest(const CascadeManifest& manifest,
                           const std::string& file);

// Reads a stage's weights and compares their digest. NOT_FOUND, or DATA_LOSS
// naming the file.
absl::StatusOr<SafetensorsFile> ReadStageWeights(const std::string& folder,
                                                 const StageManifest& stage);

// One stage's object in the file without its "weights": what training
// configurations and checkpoints carry.
absl::Status ReadStage(JsonFields fields, StageManifest* stage);
absl::StatusOr<StageManifest> ParseStage(const std::string& json,
                                         const std::string& file);
std::string StageText(const StageManifest& stage);

}  // namespace cascade
