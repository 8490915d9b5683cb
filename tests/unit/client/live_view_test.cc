#include "client/live_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(LiveViewTest, ShowsABarForEachStage) {
  v1::Cascade cascade;
  for (const char* name : {"8x8", "16x16"})
    cascade.add_stages()->set_name(name);
  cascade.mutable_stages(0)->set_resolution(8);
  cascade.mutable_stages(1)->set_resolution(16);
  LiveView view(cascade, "digits, class 7", /*first_stage=*/0,
                /*target_stage=*/1, /*image_count=*/2, false, {});
  ::testing::internal::CaptureStdout();
  v1::GenerateImageResponse event;
  event.mutable_stage_started()->set_num_steps(10);
  view.Show(event, {});
  event.mutable_preview()->set_steps_done(5);
  event.mutable_preview()->set_num_steps(10);
  view.Show(event, {});
  const std::string screen = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(screen, HasSubstr("\x1b[4A"));  // Redrawn in place.
  EXPECT_THAT(view.Lines(),
              ElementsAre("digits, class 7", HasSubstr("\u2588\u2591"),
                          HasSubstr("stage 1 (16x16)"), "running"));
  event.mutable_stage_image()->set_num_steps(10);
  ::testing::internal::CaptureStdout();
  view.Show(event, {});
  ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(view.Lines()[1], HasSubstr("1/2 images"));
}

TEST(LiveViewTest, ShowsTheStagesThatRun) {
  v1::Cascade cascade;
  for (const char* name : {"8x8", "16x16", "32x32"})
    cascade.add_stages()->set_name(name);
  LiveView view(cascade, "digits, class 7", /*first_stage=*/1,
                /*target_stage=*/2, /*image_count=*/1, false, {});
  v1::GenerateImageResponse event;
  event.mutable_stage_image()->set_stage(1);
  event.mutable_stage_image()->set_num_steps(10);
  ::testing::internal::CaptureStdout();
  view.Show(event, {.picture = "a.png", .state = "a.state"});
  view.End({});
  EXPECT_THAT(::testing::internal::GetCapturedStdout(),
              HasSubstr("a.png\na.state\n"));
  EXPECT_THAT(view.Lines(),
              ElementsAre("digits, class 7", HasSubstr("stage 1 (16x16)"),
                          HasSubstr("stage 2 (32x32)"), ::testing::_));
  EXPECT_THAT(view.Lines()[1], HasSubstr("1/1 images"));
  EXPECT_THAT(view.Lines()[2], HasSubstr("0/1 images"));
}

TEST(LiveViewTest, StagesThatTheCascadeDoesNotHaveAreLeftOut) {
  v1::Cascade cascade;
  cascade.add_stages()->set_name("8x8");
  constexpr int kLeast = std::numeric_limits<int>::min();
  constexpr int kMost = std::numeric_limits<int>::max();
  const auto num_lines = [](const v1::Cascade& shown, int first, int target) {
    return LiveView(shown, "title", first, target, 1, /*draw=*/true, {})
        .Lines()
        .size();
  };
  const size_t with_one = num_lines(cascade, 0, 0);
  EXPECT_EQ(num_lines(cascade, kLeast, kMost), with_one);
  EXPECT_EQ(num_lines(cascade, kMost, 0), 2u);
  EXPECT_EQ(num_lines(cascade, 0, kLeast), 2u);
  EXPECT_EQ(num_lines({}, 0, 0), 2u);  // Nothing was found to be shown.
}

}  // namespace
}  // namespace cascade
