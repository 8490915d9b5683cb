#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cascade/v1/generation_event.pb.h"
#include "client/output_folder.h"

namespace cascade {

// Writes stage images into a folder, named by what they are:
// digits-7-seed42-stage2-32x32.png.
class PictureFiles {
 public:
  // `as_png`: raw images become PNG files.
  PictureFiles(OutputFolder folder, bool as_png);

  // Returns the path of the file. Replaces a file of that name.
  absl::StatusOr<std::string> Write(const v1::StageImage& image) const;

 private:
  OutputFolder folder_;
  bool as_png_ = false;
};

}  // namespace cascade
