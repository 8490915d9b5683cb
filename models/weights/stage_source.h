#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "models/weights/json_fields.h"

namespace cascade {

// Where a stage's weights were imported from: cascade.json's "imported_from".
struct StageSource {
  std::string checkpoint;        // What it was taken for: "64x64_diffusion".
  std::string file;              // Its name, without its folder.
  std::string sha256;            // Of that file.
  std::string attention_layout;  // Of its qkv channels, before the import.

  bool operator==(const StageSource&) const = default;
};

absl::Status ReadStageSource(JsonFields fields, StageSource* source);
nlohmann::ordered_json WriteStageSource(const StageSource& source);

// Records an error unless `digest` is 64 lower-case hexadecimal digits.
void CheckDigest(const std::string& digest, absl::string_view key,
                 JsonFields* fields);

}  // namespace cascade
