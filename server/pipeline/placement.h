#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "models/stage_spec.h"

namespace cascade {

// Lanes that are alike.
struct LaneGroup {
  std::string device = "cpu";
  int count = 0;  // 0: as many as cores on the CPU, one on any other device.
  // What they run: patterns of CASCADE/STAGE, where * stands for any text.
  std::vector<std::string> stages = {"*"};
};

// One lane.
struct LanePlace {
  std::string device;
  std::vector<std::string> stages;  // As above.
};

// "cpu" or "cuda:N".
bool IsDeviceName(std::string_view name);

// Every lane of the groups, in their order.
std::vector<LanePlace> ExpandLanes(std::span<const LaneGroup> groups,
                                   int num_cores);

// The lanes that take each stage, by their index; ascending. INVALID_ARGUMENT
// when a stage has none.
absl::StatusOr<std::vector<std::vector<int>>> PlaceStages(
    const CascadeSpec& cascade, std::span<const LanePlace> lanes);

}  // namespace cascade
