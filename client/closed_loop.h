#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cascade/v1/image_generation_service.pb.h"
#include "client/call_status.h"

namespace cascade {

// How one request went. Times in seconds from its start.
struct BenchReply {
  CallStatus status;
  std::vector<std::string> problems;
  double latency = 0;
  std::optional<double> first_preview;
  std::optional<double> first_image;
  int images = 0;  // Of the target stage.
};

// Clients that each have a connection of their own and one request at a time.
struct ClosedLoop {
  std::string server;
  int clients = 1;
  // Each request has a seed of its own, from `seed` on.
  v1::GenerateImageRequest request;
  uint64_t seed = 0;
  // Draws a class below this for each request; 0: as `request` says.
  int num_random_classes = 0;
  // Whose images count as results.
  int target_stage = 0;
  // Of each request; infinite: none.
  absl::Duration deadline = absl::InfiniteDuration();

  // Sends `count` requests (0: no limit), none after `duration`; blocks until
  // all are done. Replies in no particular order.
  std::vector<BenchReply> Run(int64_t count, absl::Duration duration) const;
};

}  // namespace cascade
