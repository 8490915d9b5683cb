#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cascade/v1/cascade_service.pb.h"
#include "cascade/v1/image_generation_service.pb.h"
#include "client/load_mix.h"

namespace cascade {

// One kind of request, ready to be sent.
struct LoadEntry {
  std::string name;
  double weight = 1;
  // The same but for their class; one is drawn for each request. Not empty.
  std::vector<v1::GenerateImageRequest> requests;
  std::string tenant;
  absl::Duration deadline = absl::InfiniteDuration();
  int target_stage = 0;
};

// The entry for `cascade`: reads the mix's flags, 'random' and lists of
// classes.
absl::StatusOr<LoadEntry> MakeLoadEntry(const MixEntry& mix,
                                        const v1::Cascade& cascade);

// One request of a load.
struct PlannedRequest {
  size_t entry = 0;
  v1::GenerateImageRequest request;
  // When its client gives up, as a fraction of the latency to be expected.
  std::optional<double> cancel_after;
  bool reads_slowly = false;
};

// What each request of a load is: a pure function of the seed and the request's
// number, so that a load can be repeated. Immutable.
class LoadPlan {
 public:
  struct Options {
    uint64_t seed = 0;             // Of the first image, and of every choice.
    double cancelled_share = 0;    // 0..1
    double slow_reader_share = 0;  // 0..1
  };

  // `entries` is not empty.
  LoadPlan(std::vector<LoadEntry> entries, const Options& options);

  const std::vector<LoadEntry>& entries() const { return entries_; }
  const Options& options() const { return options_; }

  // No two requests share an image's seed.
  PlannedRequest Request(int64_t index) const;

  // A request of `entry` that is not cancelled and read at once.
  PlannedRequest Plain(size_t entry, int64_t index) const;

 private:
  const std::vector<LoadEntry> entries_;
  const Options options_;
  uint64_t seeds_per_request_ = 1;
  std::vector<double> weights_;
};

}  // namespace cascade
