#include "models/image_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <utility>

#include "models/runtime/step_update.h"
#include "tests/unit/models/made_images.h"

namespace cascade {
namespace {

using testing::HasSubstr;

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

TEST(ImageCodecTest, RefusesMorePixelsThanAllowed) {
  const Bytes bytes = EncodeJpeg(Gradient(10, 12, 1)).value();
  EXPECT_TRUE(DecodeImage(bytes, 1, 120).ok());
  const absl::Status status = DecodeImage(bytes, 1, 119).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "the image of 12x10 has 120 pixels, more than the 119 allowed");
}

TEST(ImageCodecTest, GreyAndColourBecomeEachOther) {
  const Bytes grey = WritePng({.width = 2, .height = 1, .rows = {{7, 200}}});
  EXPECT_EQ(DecodeImage(grey, 3)->pixels, (Bytes{7, 7, 7, 200, 200, 200}));
  const Bytes colour = WritePng({.width = 3,
                                 .height = 1,
                                 .color_type = 2,
                                 .rows = {{255, 0, 0, 0, 255, 0, 0, 0, 255}}});
  // The luma of ITU-R BT.601.
  EXPECT_EQ(DecodeImage(colour, 1)->pixels, (Bytes{76, 150, 29}));
}

TEST(ImageCodecTest, SixteenBitsAreRounded) {
  // 0x0080 is 0.498 of an 8-bit level, 0x0081 is 0.502.
  const Bytes png =
      WritePng({.width = 4,
                .height = 1,
                .bit_depth = 16,
                .rows = {{0, 0x80, 0, 0x81, 0x7f, 0xff, 0xff, 0xff}}});
  EXPECT_EQ(DecodeImage(png, 1)->pixels, (Bytes{0, 1, 127, 255}));
}

TEST(ImageCodecTest, TransparentPixelsAreOnBlack) {
  const Bytes rgba = WritePng(
      {.width = 3,
       .height = 1,
       .color_type = 6,
       .rows = {{200, 100, 50, 255, 200, 100, 50, 0, 200, 100, 50, 128}}});
  EXPECT_EQ(DecodeImage(rgba, 3)->pixels,
            (Bytes{200, 100, 50, 0, 0, 0, 100, 50, 25}));
  const Bytes grey = WritePng({.width = 2,
                               .height = 1,
                               .color_type = 4,
                               .rows = {{200, 51, 200, 255}}});
  EXPECT_EQ(DecodeImage(grey, 1)->pixels, (Bytes{40, 200}));
  const Bytes deep = WritePng({.width = 1,
                               .height = 1,
                               .bit_depth = 16,
                               .color_type = 6,
                               .rows = {{0xff, 0xff, 0x80, 0, 0, 0, 0x80, 0}}});
  EXPECT_EQ(DecodeImage(deep, 3)->pixels, (Bytes{128, 64, 0}));
  EXPECT_EQ(DecodeImage(WebpWithAlpha(), 3)->pixels,
            (Bytes{100, 50, 25, 10, 20, 30}));
}

TEST(ImageCodecTest, TransparentColoursAreBlack) {
  const Bytes palette = WritePng(
      {.width = 3,
       .height = 1,
       .color_type = 3,
       .rows = {{0, 1, 2}},
       .extra = {{"PLTE", {9, 8, 7, 6, 5, 4, 3, 2, 1}}, {"tRNS", {255, 0}}}});
  EXPECT_EQ(DecodeImage(palette, 3)->pixels,
            (Bytes{9, 8, 7, 0, 0, 0, 3, 2, 1}));
  const Bytes colour = WritePng({.width = 2,
                                 .height = 1,
                                 .color_type = 2,
                                 .rows = {{9, 8, 7, 6, 5, 4}},
                                 .extra = {{"tRNS", {0, 9, 0, 8, 0, 7}}}});
  EXPECT_EQ(DecodeImage(colour, 3)->pixels, (Bytes{0, 0, 0, 6, 5, 4}));
  const Bytes grey = WritePng({.width = 2,
                               .height = 1,
                               .rows = {{200, 100}},
                               .extra = {{"tRNS", {0, 200}}}});
  EXPECT_EQ(DecodeImage(grey, 1)->pixels, (Bytes{0, 100}));
  // Levels 3, 2, 1, 0 of two bits.
  const Bytes two_bits = WritePng({.width = 4,
                                   .height = 1,
                                   .bit_depth = 2,
                                   .rows = {{0b11100100}},
                                   .extra = {{"tRNS", {0, 2}}}});
  EXPECT_EQ(DecodeImage(two_bits, 1)->pixels, (Bytes{255, 0, 85, 0}));
  const Bytes deep = WritePng({.width = 2,
                               .height = 1,
                               .bit_depth = 16,
                               .rows = {{0x80, 1, 0x80, 0}},
                               .extra = {{"tRNS", {0x80, 1}}}});
  EXPECT_EQ(DecodeImage(deep, 1)->pixels, (Bytes{0, 128}));
}

// Where the pixel that is seen at (y, x) of the upright image is stored, by
// what EXIF 2.3 calls the 0th row and the 0th column.
std::pair<int, int> StoredAt(int orientation, int y, int x, int height,
                             int width) {
  switch (orientation) {
    case 2:  // Top, right.
      return {y, width - 1 - x};
    case 3:  // Bottom, right.
      return {height - 1 - y, width - 1 - x};
    case 4:  // Bottom, left.
      return {height - 1 - y, x};
    case 5:  // Left, top.
      return {x, y};
    case 6:  // Right, top.
      return {width - 1 - x, y};
    case 7:  // Right, bottom.
      return {width - 1 - x, height - 1 - y};
    case 8:  // Left, bottom.
      return {x, height - 1 - y};
    default:
      return {y, x};
  }
}

TEST(ImageCodecTest, OrientationIsApplied) {
  const Bytes jpeg = EncodeJpeg(Gradient(20, 30, 1)).value();
  const HostImage stored = DecodeImage(jpeg, 1).value();
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const HostImage upright =
        DecodeImage(WithExif(jpeg, ExifOrientation(orientation, false)), 1)
            .value();
    ASSERT_EQ(upright.width, orientation < 5 ? 30 : 20);
    ASSERT_EQ(upright.height, orientation < 5 ? 20 : 30);
    for (int y = 0; y < upright.height; ++y) {
      for (int x = 0; x < upright.width; ++x) {
        const auto [row, column] =
            StoredAt(orientation, y, x, upright.height, upright.width);
        ASSERT_EQ(upright.pixels[static_cast<size_t>(y * upright.width + x)],
                  stored.pixels[static_cast<size_t>(row * 30 + column)])
            << orientation << ": " << y << ", " << x;
      }
    }
  }
  const HostImage webp = DecodeImage(WebpWithExif(), 3).value();
  EXPECT_EQ(webp.width, 1);
  EXPECT_EQ(webp.pixels, (Bytes{200, 100, 50, 10, 20, 30}));
}

// Two rows of four, and a number at each place.
HostImage Numbered() {
  return {.height = 2,
          .width = 4,
          .channels = 1,
          .pixels = {9, 10, 30, 9, 9, 50, 70, 9}};
}

TEST(ResizeImageTest, CropKeepsTheCentralSquare) {
  EXPECT_EQ(ResizeImage(Numbered(), 2, ResizeRule::kCenterCrop)->pixels,
            (Bytes{10, 30, 50, 70}));
  EXPECT_EQ(ResizeImage(Numbered(), 1, ResizeRule::kCenterCrop)->pixels,
            Bytes{40});
}

TEST(ResizeImageTest, PadAddsBlackOnBothSides) {
  const HostImage padded = ResizeImage(Numbered(), 4, ResizeRule::kPad).value();
  EXPECT_EQ(padded.height, 4);
  EXPECT_EQ(padded.width, 4);
  EXPECT_EQ(padded.pixels, (Bytes{0, 0, 0, 0, 9, 10, 30, 9,  //
                                  9, 50, 70, 9, 0, 0, 0, 0}));
  HostImage tall = Gradient(100, 1, 3);
  tall.pixels.assign(tall.pixels.size(), 255);
  const HostImage thin = ResizeImage(tall, 3, ResizeRule::kPad).value();
  const Bytes black = {0, 0, 0};
  const Bytes white = {255, 255, 255};
  Bytes expected;
  for (int y = 0; y < 3; ++y) {
    for (const Bytes& pixel : {black, white, black}) {
      expected.insert(expected.end(), pixel.begin(), pixel.end());
    }
  }
  EXPECT_EQ(thin.pixels, expected);
}

TEST(ResizeImageTest, StretchAveragesASideThatShrinks) {
  // Width 4 to 2 by averages, height 2 stays.
  EXPECT_EQ(ResizeImage(Numbered(), 2, ResizeRule::kStretch)->pixels,
            (Bytes{10, 20, 30, 40}));  // 9.5 and 29.5 are halves: to even.
  // A side of 1 grows evenly while the other one is averaged.
  const HostImage row{.height = 1,
                      .width = 6,
                      .channels = 1,
                      .pixels = {0, 30, 60, 10, 20, 30}};
  EXPECT_EQ(ResizeImage(row, 2, ResizeRule::kStretch)->pixels,
            (Bytes{30, 20, 30, 20}));
}

TEST(ResizeImageTest, AConstantImageStaysConstant) {
  HostImage image = Gradient(5, 9, 3);
  image.pixels.assign(image.pixels.size(), 77);
  for (int size : {1, 3, 7, 40}) {
    for (ResizeRule rule : {ResizeRule::kCenterCrop, ResizeRule::kStretch}) {
      const HostImage resized = ResizeImage(image, size, rule).value();
      EXPECT_EQ(resized.width, size);
      EXPECT_EQ(resized.height, size);
      EXPECT_EQ(resized.channels, 3);
      EXPECT_EQ(resized.pixels,
                Bytes(static_cast<size_t>(3 * size * size), 77));
    }
  }
}

// Threads of OpenCV's own would take the cores from the lanes.
TEST(ResizeImageTest, LargeImagesStartNoThreads) {
  const auto num_threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  const auto before = num_threads();
  const auto png = EncodePng(Gradient(2000, 2000, 3), /*compression=*/1);
  const HostImage image = DecodeImage(png.value(), 1).value();
  EXPECT_TRUE(ResizeImage(image, 1000, ResizeRule::kStretch).ok());
  EXPECT_TRUE(ResizeImage(image, 3000, ResizeRule::kStretch).ok());
  EXPECT_EQ(num_threads(), before);
}

TEST(ResizeImageTest, RefusesWhatIsNoImageOrSize) {
  EXPECT_EQ(ResizeImage(Numbered(), 0, ResizeRule::kPad).status().message(),
            "size = 0 is not positive");
  EXPECT_EQ(ResizeImage({}, 8, ResizeRule::kPad).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ModelRangeTest, IsTheInverseOfRounding) {
  HostImage image{.height = 16, .width = 16, .channels = 3, .pixels = {}};
  for (int i = 0; i < 3 * 256; ++i) {
    image.pixels.push_back(static_cast<uint8_t>(i / 3 + 85 * (i % 3)));
  }
  const std::vector<float> values = ToModelRange(image);
  EXPECT_EQ(values[0], -1);         // Red of the first pixel.
  EXPECT_EQ(values[255], 1);        // Of the last.
  EXPECT_EQ(values[256 + 170], 1);  // Green: 170 + 85.
  Bytes pixels(values.size());
  ToPixels(values.data(), 3, 256, pixels);
  EXPECT_EQ(pixels, image.pixels);
}

}  // namespace
}  // namespace cascade
