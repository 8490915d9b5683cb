#include "client/png_file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

namespace cascade {
namespace {

v1::Image Raw(int width, int height, int channels, const std::string& data) {
  v1::Image image;
  image.set_format(v1::IMAGE_FORMAT_RAW);
  image.set_width(width);
  image.set_height(height);
  image.set_channels(channels);
  image.set_data(data);
  return image;
}

TEST(PngFileTest, WritesSizeColourAndPixels) {
  const auto png = EncodePng(Raw(2, 2, 3, "abcdefghijkl"));
  ASSERT_TRUE(png.ok()) << png.status();
  EXPECT_EQ(png->substr(1, 3), "PNG");
  // Signature 8, length 4, "IHDR" 4, then width, height, depth and colour type.
  EXPECT_EQ(png->substr(16, 10), std::string("\0\0\0\2\0\0\0\2\10\2", 10));
  const size_t idat = png->find("IDAT");
  ASSERT_NE(idat, std::string::npos);
  const uint8_t length = static_cast<uint8_t>((*png)[idat - 1]);
  std::string rows(14, '\0');
  uLongf size = static_cast<uLongf>(rows.size());
  ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(rows.data()), &size,
                       reinterpret_cast<const Bytef*>(png->data() + idat + 4),
                       length),
            Z_OK);
  EXPECT_EQ(rows, std::string("\0abcdef\0ghijkl", 14));
}

TEST(PngFileTest, RefusesWhatIsNotARawImage) {
  EXPECT_FALSE(EncodePng(Raw(2, 2, 1, "abc")).ok());
  EXPECT_FALSE(EncodePng(Raw(0, 0, 1, "")).ok());
  v1::Image jpeg = Raw(1, 1, 1, "a");
  jpeg.set_format(v1::IMAGE_FORMAT_JPEG);
  EXPECT_FALSE(EncodePng(jpeg).ok());
}

}  // namespace
}  // namespace cascade
