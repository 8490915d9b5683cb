#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "cascade/v1/image_generation_service.pb.h"

namespace cascade {

// Makes one stream of several of the same request, each of which began anew
// because the server of the one before had died: what the caller has seen is
// left out. Owned by one thread.
class StreamJoin {
 public:
  // Whether the caller is to see `event`. ABORTED when a stage image that was
  // seen comes again with other bytes: the server that took over has another
  // build, instruction set or model, and what follows would not belong to what
  // is there.
  absl::StatusOr<bool> Take(const v1::GenerateImageResponse& event);

  // An event has come: gRPC itself repeats this call no more.
  bool has_begun() const { return has_begun_; }
  // `finished` has come.
  bool has_finished() const { return has_finished_; }

 private:
  // How far an image is in a stage, as the caller knows.
  struct Progress {
    bool started = false;
    int steps_done = 0;
    std::optional<size_t> picture;  // The hash of the stage image's bytes.
  };

  Progress& At(int image_index, int stage) {
    return seen_[{image_index, stage}];
  }

  bool has_begun_ = false;
  bool has_finished_ = false;
  std::map<std::pair<int, int>, Progress> seen_;
};

}  // namespace cascade
