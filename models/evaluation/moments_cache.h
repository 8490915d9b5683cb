#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/evaluation/moments.h"

namespace cascade {

// Moments of a reference set on disk, so that its images go through a large
// network once: one safetensors file for each key, named after the key's
// digest.
class MomentsCache {
 public:
  // What moments are a function of.
  struct Key {
    std::string features;  // FeatureNetwork::id().
    std::string images;    // Of the images' digest.
    int64_t count = 0;
  };

  // `folder` is made when it is first written to; empty: nothing is kept.
  explicit MomentsCache(std::string folder) : folder_(std::move(folder)) {}

  // None when there is no file. DATA_LOSS, naming the file, when it is damaged
  // or was made for another key.
  absl::StatusOr<std::optional<Moments>> Find(const Key& key) const;
  absl::Status Keep(const Key& key, const Moments& moments) const;

 private:
  std::string PathOf(const Key& key) const;

  const std::string folder_;
};

}  // namespace cascade
