#include "models/image_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace cascade {
namespace {

using testing::HasSubstr;

// A gradient, so that order of rows, columns and channels shows.
HostImage Gradient(int height, int width, int channels) {
  HostImage image{
      .height = height, .width = width, .channels = channels, .pixels = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        image.pixels.push_back(static_cast<uint8_t>(4 * y + 3 * x + 60 * c));
      }
    }
  }
  return image;
}

TEST(ImageCodecTest, PngIsLossless) {
  for (int channels : {1, 3}) {
    const HostImage image = Gradient(5, 7, channels);
    const auto png = EncodePng(image);
    ASSERT_TRUE(png.ok()) << png.status();
    const auto decoded = DecodeImage(*png, channels);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->height, 5);
    EXPECT_EQ(decoded->width, 7);
    EXPECT_EQ(decoded->pixels, image.pixels);
  }
}

TEST(ImageCodecTest, JpegAndWebpAreNear) {
  const HostImage image = Gradient(16, 16, 3);
  for (const auto& encoded : {EncodeJpeg(image, 95), EncodeWebp(image, 95)}) {
    ASSERT_TRUE(encoded.ok()) << encoded.status();
    const auto decoded = DecodeImage(*encoded, 3);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_EQ(decoded->pixels.size(), image.pixels.size());
    for (size_t i = 0; i < image.pixels.size(); ++i) {
      EXPECT_LE(std::abs(decoded->pixels[i] - image.pixels[i]), 24) << i;
    }
  }
}

TEST(ImageCodecTest, RefusesWhatIsNoImage) {
  const std::vector<uint8_t> noise = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(DecodeImage(noise, 3).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(DecodeImage({}, 3).ok());
  HostImage wrong = Gradient(4, 4, 1);
  wrong.pixels.pop_back();
  EXPECT_THAT(std::string(EncodePng(wrong).status().message()),
              HasSubstr("4x4x1 has 15 bytes"));
  EXPECT_FALSE(EncodePng(Gradient(4, 4, 2)).ok());
}

TEST(ImageCodecTest, AFolderIsNoImageFile) {
  const absl::Status status = ReadImageFile(testing::TempDir(), 1).status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(testing::TempDir()));
  EXPECT_EQ(ReadImageFile("/nowhere.png", 1).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(ImageCodecTest, FitsTheCentralSquareByArea) {
  HostImage image{.height = 2, .width = 4, .channels = 1, .pixels = {}};
  image.pixels = {9, 10, 30, 9, 9, 50, 70, 9};
  const auto fitted = FitSquare(image, 1);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_EQ(fitted->pixels, std::vector<uint8_t>{40});
}

}  // namespace
}  // namespace cascade
