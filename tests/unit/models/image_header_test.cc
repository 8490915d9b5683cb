#include "models/image_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "models/image_codec.h"
#include "tests/unit/models/made_images.h"

namespace cascade {
namespace {

using testing::HasSubstr;

struct Format {
  const char* name;
  Bytes (*encode)(const HostImage& image);
};

void PrintTo(const Format& format, std::ostream* out) { *out << format.name; }

// One file of each layout that the reader tells apart.
const Format kFormats[] = {
    {"Png", [](const HostImage& image) { return EncodePng(image).value(); }},
    {"Jpeg", [](const HostImage& image) { return EncodeJpeg(image).value(); }},
    {"JpegWithExif",
     [](const HostImage& image) {
       return WithExif(EncodeJpeg(image).value(), ExifOrientation(6, true));
     }},
    {"Webp", [](const HostImage& image) { return EncodeWebp(image).value(); }},
    {"WebpLossless",
     [](const HostImage& image) { return EncodeWebp(image, 101).value(); }},
};

class ImageHeaderTest : public testing::TestWithParam<Format> {};

TEST_P(ImageHeaderTest, GivesTheSizeThatWasEncoded) {
  for (const auto& [height, width] :
       {std::pair{1, 1}, {3, 700}, {700, 3}, {255, 256}, {257, 1025}}) {
    const auto header =
        ReadImageHeader(GetParam().encode(Gradient(height, width, 3)));
    ASSERT_TRUE(header.ok()) << header.status();
    EXPECT_EQ(header->width, width);
    EXPECT_EQ(header->height, height);
  }
}

TEST_P(ImageHeaderTest, RefusesAnImageCutAtAnyByte) {
  const Bytes bytes = GetParam().encode(Gradient(9, 7, 3));
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::span<const uint8_t> cut(bytes.data(), size);
    EXPECT_EQ(ReadImageHeader(cut).status().code(),
              absl::StatusCode::kInvalidArgument)
        << size;
    EXPECT_EQ(DecodeImage(cut, 3).status().code(),
              absl::StatusCode::kInvalidArgument)
        << size;
  }
}

// Whatever the bytes say, the answer is an image or an error.
TEST_P(ImageHeaderTest, SurvivesDamagedBytes) {
  const Bytes whole = GetParam().encode(Gradient(9, 7, 3));
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    Bytes bytes = whole;
    for (size_t changes = 1 + random() % 4; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
    }
    const auto header = ReadImageHeader(bytes);
    if (header.ok()) {
      EXPECT_GE(header->width, 1);
      EXPECT_GE(header->height, 1);
    }
    const auto decoded = DecodeImage(bytes, 3, 10000);
    if (decoded.ok()) {
      EXPECT_EQ(decoded->width * decoded->height,
                header->width * header->height);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, ImageHeaderTest, testing::ValuesIn(kFormats),
                         [](const auto& format) { return format.param.name; });

TEST(ImageHeaderOrientationTest, IsReadFromEveryContainer) {
  EXPECT_EQ(ReadImageHeader(EncodeJpeg(Gradient(2, 2, 1)).value())->orientation,
            1);
  const auto webp = ReadImageHeader(WebpWithExif());
  ASSERT_TRUE(webp.ok()) << webp.status();
  EXPECT_EQ(webp->orientation, 6);
  EXPECT_EQ(webp->width, 2);
  EXPECT_EQ(webp->height, 1);
  for (const bool little_endian : {true, false}) {
    const Bytes exif = ExifOrientation(5, little_endian);
    EXPECT_EQ(
        ReadImageHeader(WithExif(EncodeJpeg(Gradient(2, 2, 1)).value(), exif))
            ->orientation,
        5);
    EXPECT_EQ(ReadImageHeader(WritePng({.width = 1,
                                        .height = 1,
                                        .rows = {{7}},
                                        .extra = {{"eXIf", exif}}}))
                  ->orientation,
              5);
  }
}

TEST(ImageHeaderOrientationTest, NonsenseIsNone) {
  const Bytes jpeg = EncodeJpeg(Gradient(2, 2, 1)).value();
  const auto orientation = [&](const Bytes& exif) {
    return ReadImageHeader(WithExif(jpeg, exif)).value().orientation;
  };
  EXPECT_EQ(orientation(ExifOrientation(9, true)), 1);
  EXPECT_EQ(orientation(ExifOrientation(0, false)), 1);
  const Bytes exif = ExifOrientation(3, true);
  for (size_t size = 0; size < 34; ++size) {
    EXPECT_EQ(
        orientation({exif.begin(), exif.begin() + static_cast<long>(size)}), 1)
        << size;
  }
}

TEST(ImageHeaderErrorTest, SaysWhatIsWrong) {
  const auto message = [](const Bytes& bytes) {
    return std::string(ReadImageHeader(bytes).status().message());
  };
  EXPECT_EQ(message({1, 2, 3}), "the 3 bytes are no PNG, JPEG or WebP image");
  EXPECT_EQ(message({'G', 'I', 'F', '8', '9', 'a'}),
            "the 6 bytes are no PNG, JPEG or WebP image");
  EXPECT_EQ(message(WritePng({.width = 0, .height = 5, .rows = {}})),
            "the PNG image is 0x5");
  EXPECT_EQ(message(WritePng({.width = 0x80000000, .height = 5, .rows = {}})),
            "the PNG image is 2147483648x5");
  Bytes cut = EncodeJpeg(Gradient(2, 2, 1)).value();
  cut.pop_back();
  EXPECT_EQ(message(cut), "the JPEG image is truncated");
}

// A few bytes that claim to be an image that no machine can hold.
TEST(ImageHeaderErrorTest, AHugeImageIsRefusedByItsHeader) {
  const Bytes bytes =
      WritePng({.width = 2000000000, .height = 2000000000, .rows = {{0}}});
  EXPECT_EQ(ReadImageHeader(bytes)->width, 2000000000);
  const absl::Status status = DecodeImage(bytes, 1, 1048576).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("has 4000000000000000000 pixels, more than the 1048576 "
                        "allowed"));
}

TEST(ImageHeaderErrorTest, RandomBytesAreRefused) {
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    Bytes bytes(random() % 200);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    // Half of them begin like a JPEG, whose reader skips most.
    if (i % 2 == 0 && bytes.size() > 3) {
      bytes[0] = 0xff;
      bytes[1] = 0xd8;
      bytes[2] = 0xff;
    }
    EXPECT_FALSE(DecodeImage(bytes, 3, 10000).ok());
  }
}

}  // namespace
}  // namespace cascade
