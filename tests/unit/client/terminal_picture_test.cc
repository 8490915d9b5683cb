#include "client/terminal_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cascade {
namespace {

using ::testing::HasSubstr;

v1::Image Checker() {
  v1::Image image;
  image.set_format(v1::IMAGE_FORMAT_RAW);
  image.set_width(2);
  image.set_height(2);
  image.set_channels(1);
  image.set_data(std::string("\x00\xff\xff\x00", 4));
  return image;
}

TEST(TerminalPictureTest, PutsTwoRowsIntoALine) {
  const v1::Image image = Checker();
  const auto lines = DrawPictures({&image}, 2, ColorDepth::k24Bit);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].find("\x1b[38;2;0;0;0m\x1b[48;2;255;255;255m\u2580"), 0u);
}

TEST(TerminalPictureTest, UsesTheGreysOf256Colours) {
  const v1::Image image = Checker();
  const auto lines = DrawPictures({&image}, 2, ColorDepth::k256);
  EXPECT_THAT(lines[0], HasSubstr("\x1b[38;5;16m\x1b[48;5;231m"));
}

TEST(TerminalPictureTest, EnlargesASmallImageToBlocks) {
  const v1::Image image = Checker();
  const auto lines = DrawPictures({&image}, 4, ColorDepth::k24Bit);
  ASSERT_EQ(lines.size(), 2u);
  // Both pixel rows of the first line are the image's first row.
  EXPECT_EQ(lines[0].find("\x1b[38;2;0;0;0m\x1b[48;2;0;0;0m\u2580"), 0u);
}

TEST(TerminalPictureTest, LeavesTheUnknownBlank) {
  const auto lines = DrawPictures({nullptr}, 2, ColorDepth::k24Bit);
  EXPECT_EQ(lines[0], "    ");
}

}  // namespace
}  // namespace cascade
