#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "cascade/v1/generation_event.pb.h"

namespace cascade {

// Writes stage images into a folder, named by what they are:
// digits-7-seed42-stage2-32x32.png.
class PictureFiles {
 public:
  // `as_png`: raw images become PNG files. Makes the folder when needed.
  static absl::StatusOr<PictureFiles> Create(const std::string& folder,
                                             const std::string& cascade,
                                             const std::string& class_label,
                                             bool as_png);

  // Returns the path of the file. Replaces a file of that name.
  absl::StatusOr<std::string> Write(const v1::StageImage& image) const;

 private:
  PictureFiles(std::filesystem::path folder, std::string prefix, bool as_png);

  std::filesystem::path folder_;
  std::string prefix_;  // "digits-7".
  bool as_png_ = false;
};

}  // namespace cascade
