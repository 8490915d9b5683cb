#include "server/pipeline/placement.h"

#include <fnmatch.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace cascade {
namespace {

bool Takes(const LanePlace& lane, const std::string& stage) {
  return std::any_of(lane.stages.begin(), lane.stages.end(),
                     [&stage](const std::string& pattern) {
                       return fnmatch(pattern.c_str(), stage.c_str(),
                                      FNM_NOESCAPE) == 0;
                     });
}

int Count(const LaneGroup& group, int num_cores) {
  if (group.count > 0) return group.count;
  return group.device == "cpu" ? num_cores : 1;
}

}  // namespace

bool IsDeviceName(std::string_view name) {
  if (name == "cpu") return true;
  absl::string_view rest(name.data(), name.size());
  int index = -1;
  return absl::ConsumePrefix(&rest, "cuda:") &&
         absl::SimpleAtoi(rest, &index) && index >= 0 &&
         absl::StrCat(index) == rest;  // One name a device.
}

std::vector<LanePlace> ExpandLanes(std::span<const LaneGroup> groups,
                                   int num_cores) {
  std::vector<LanePlace> lanes;
  for (const LaneGroup& group : groups) {
    lanes.resize(lanes.size() + static_cast<size_t>(Count(group, num_cores)),
                 {.device = group.device, .stages = group.stages});
  }
  return lanes;
}

absl::StatusOr<std::vector<std::vector<int>>> PlaceStages(
    const CascadeSpec& cascade, std::span<const LanePlace> lanes) {
  std::vector<std::vector<int>> placed;
  for (const StageSpec& spec : cascade.stages) {
    const std::string stage = absl::StrCat(cascade.name, "/", spec.name);
    std::vector<int>& takers = placed.emplace_back();
    for (size_t i = 0; i < lanes.size(); ++i) {
      if (Takes(lanes[i], stage)) takers.push_back(static_cast<int>(i));
    }
    if (takers.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("no lane takes stage ", stage,
                       ": the patterns in the stages of the lanes leave it "
                       "out"));
    }
  }
  return placed;
}

}  // namespace cascade
