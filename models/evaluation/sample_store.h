#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/evaluation/stage_images.h"

namespace cascade {

// Generated images on disk, in chunks, so that a run that was stopped goes on,
// and a stage is sampled once for all that is tried above it (with
// non-truncated augmentation one set of base images serves a whole search: Ho
// et al. 2022, section 4.3).
//
// Sets are found by what made them:
// folder/NAME-DIGEST/chunk-NNNNNN.safetensors, where DIGEST is of a text that
// says everything the images are a function of. Each file also carries that
// text. Thread-safe for different chunks.
class SampleStore {
 public:
  struct Set {
    std::string name;     // Of the stage.
    std::string made_by;  // Equal texts: equal images.
  };

  // `folder` is made when it is first written to.
  explicit SampleStore(std::string folder) : folder_(std::move(folder)) {}

  // None when it is not there. DATA_LOSS, naming the file, when it is damaged
  // or made by something else.
  absl::StatusOr<std::optional<StageImages>> Read(const Set& set,
                                                  int64_t chunk) const;
  absl::Status Write(const Set& set, int64_t chunk,
                     const StageImages& images) const;

  std::string FolderOf(const Set& set) const;

 private:
  std::string PathOf(const Set& set, int64_t chunk) const;

  const std::string folder_;
};

}  // namespace cascade
