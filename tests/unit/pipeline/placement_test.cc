#include "server/pipeline/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/scripted_cascade.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

CascadeSpec Spec(const std::string& name) {
  return ScriptedCascade(name, {{.resolution = 8}, {.resolution = 16}}).spec();
}

TEST(PlacementTest, AGroupOnTheCpuHasALanePerCore) {
  const std::vector<LaneGroup> groups = {
      LaneGroup(),
      {.device = "cuda:1", .count = 0, .stages = {"a/*"}},
      {.device = "cuda:0", .count = 2, .stages = {"b/*"}}};
  const std::vector<LanePlace> lanes = ExpandLanes(groups, 3);
  std::vector<std::string> devices;
  for (const LanePlace& lane : lanes) devices.push_back(lane.device);
  EXPECT_THAT(devices,
              ElementsAre("cpu", "cpu", "cpu", "cuda:1", "cuda:0", "cuda:0"));
  EXPECT_THAT(lanes[3].stages, ElementsAre("a/*"));
}

TEST(PlacementTest, PatternsSayWhichLanesTakeAStage) {
  const std::vector<LanePlace> lanes = {
      {.device = "cpu", .stages = {"*"}},
      {.device = "cpu", .stages = {"a/8x8"}},
      {.device = "cpu", .stages = {"b/*", "*/16x16"}}};
  const auto placed = PlaceStages(Spec("a"), lanes);
  ASSERT_OK(placed);
  EXPECT_THAT(*placed, ElementsAre(ElementsAre(0, 1), ElementsAre(0, 2)));
}

TEST(PlacementTest, AStageThatNoLaneTakesIsRefusedByName) {
  const std::vector<LanePlace> lanes = {
      {.device = "cpu", .stages = {"a/8x8", "b/*"}}};
  const absl::Status status = PlaceStages(Spec("a"), lanes).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(status.message()), HasSubstr("a/16x16"));
}

TEST(PlacementTest, DevicesHaveOneNameEach) {
  for (const char* name : {"cpu", "cuda:0", "cuda:15"}) {
    EXPECT_TRUE(IsDeviceName(name)) << name;
  }
  for (const char* name :
       {"", "gpu", "cuda", "cuda:", "cuda:-1", "cuda:01", "cuda:0 ", "cpu:0"}) {
    EXPECT_FALSE(IsDeviceName(name)) << name;
  }
}

}  // namespace
}  // namespace cascade
