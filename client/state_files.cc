#include "client/state_files.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/whole_file.h"
#include "server/base/status_macros.h"

namespace cascade {

StateFiles::StateFiles(OutputFolder folder) : folder_(std::move(folder)) {}

absl::StatusOr<std::string> StateFiles::Write(
    const v1::StageImage& image) const {
  if (!image.has_state()) return std::string();
  return folder_.Write(absl::StrCat("seed", image.image_seed(), "-stage",
                                    image.stage(), ".state"),
                       image.state().SerializeAsString());
}

absl::StatusOr<v1::StageState> ReadStateFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile("--state", path));
  v1::StageState state;
  if (!state.ParseFromString(bytes) || state.format_version() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--state ", path, ": is no stage state, or not whole"));
  }
  return state;
}

}  // namespace cascade
