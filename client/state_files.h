#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cascade/v1/generation_event.pb.h"
#include "cascade/v1/stage_state.pb.h"
#include "client/output_folder.h"

namespace cascade {

// Writes stage states into a folder, named by what they are, each a serialised
// StageState: digits-7-seed42-stage0.state.
class StateFiles {
 public:
  explicit StateFiles(OutputFolder folder);

  // Returns the path of the file; empty when the image has no state. Replaces a
  // file of that name.
  absl::StatusOr<std::string> Write(const v1::StageImage& image) const;

 private:
  OutputFolder folder_;
};

// Reads a file that StateFiles wrote. INVALID_ARGUMENT, naming the file, when
// it cannot be read or is something else; whether its contents are whole is the
// server's to judge.
absl::StatusOr<v1::StageState> ReadStateFile(const std::string& path);

}  // namespace cascade
