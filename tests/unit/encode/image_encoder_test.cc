#include "server/encode/image_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "models/image_codec.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

HostImage Gradient(int height, int width, int channels) {
  HostImage image = {
      .height = height, .width = width, .channels = channels, .pixels = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        image.pixels.push_back(static_cast<uint8_t>(4 * x + 2 * y + 30 * c));
      }
    }
  }
  return image;
}

OutputOptions Format(ImageFormat format) {
  OutputOptions options;
  options.format = format;
  options.quality = 95;
  return options;
}

class ImageEncoderTest
    : public ::testing::TestWithParam<std::tuple<ImageFormat, int>> {
 protected:
  Metrics metrics_{"test"};
  ImageEncoder encoder_{metrics_};
};

TEST_P(ImageEncoderTest, DecodesToWhatItWas) {
  const auto [format, channels] = GetParam();
  const HostImage image = Gradient(24, 32, channels);
  const absl::StatusOr<EncodedImage> encoded =
      encoder_.Encode(Gradient(24, 32, channels), Format(format));
  ASSERT_OK(encoded);
  EXPECT_EQ(encoded->format, format);
  EXPECT_EQ(encoded->width, 32);
  EXPECT_EQ(encoded->height, 24);
  EXPECT_EQ(encoded->channels, channels);
  if (format == ImageFormat::kRaw) {
    EXPECT_EQ(encoded->bytes,
              std::string(image.pixels.begin(), image.pixels.end()));
    return;
  }
  const absl::StatusOr<HostImage> decoded =
      DecodeImage({reinterpret_cast<const uint8_t*>(encoded->bytes.data()),
                   encoded->bytes.size()},
                  channels);
  ASSERT_OK(decoded);
  ASSERT_EQ(decoded->pixels.size(), image.pixels.size());
  const int tolerance = format == ImageFormat::kPng ? 0 : 24;
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    ASSERT_LE(std::abs(decoded->pixels[i] - image.pixels[i]), tolerance) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, ImageEncoderTest,
    ::testing::Combine(::testing::Values(ImageFormat::kPng, ImageFormat::kJpeg,
                                         ImageFormat::kWebp, ImageFormat::kRaw),
                       ::testing::Values(1, 3)));

TEST(ImageEncoderErrorTest, RefusesWhatIsNoImage) {
  Metrics metrics("test");
  const ImageEncoder encoder(metrics);
  HostImage image = Gradient(4, 4, 3);
  image.pixels.pop_back();
  EXPECT_THAT(encoder.Encode(image, {}),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(encoder.Encode({}, Format(ImageFormat::kRaw)),
              HasCode(absl::StatusCode::kInvalidArgument));
}

TEST(ImageEncoderErrorTest, MeasuresByFormat) {
  Metrics metrics("test");
  const ImageEncoder encoder(metrics);
  ASSERT_OK(encoder.Encode(Gradient(4, 4, 1), Format(ImageFormat::kWebp)));
  EXPECT_THAT(
      metrics.Text(),
      ::testing::HasSubstr("cascade_encode_seconds_count{format=\"webp\"} 1"));
}

}  // namespace
}  // namespace cascade
