#include "client/delivery.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace cascade {
namespace {

// A raw image of one grey pixel that is shown and written: whether there is a
// file of its own name with `extension` then.
bool Writes(const std::string& extension, const std::string& format) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / "delivery_test";
  std::filesystem::remove_all(folder);
  DeliveryFlags flags;
  flags.out = folder;
  flags.show = true;
  v1::GenerateImageResponse event;
  v1::Image& image = *event.mutable_stage_image()->mutable_image();
  image.set_format(v1::IMAGE_FORMAT_RAW);
  image.set_width(1);
  image.set_height(1);
  image.set_channels(1);
  image.set_data("x");
  v1::Cascade cascade;
  cascade.set_name("digits");
  cascade.add_stages();
  CancelToken cancel;
  auto delivery = Delivery::Create(flags, format, {}, 0, cascade, cancel);
  EXPECT_TRUE(delivery.ok()) << delivery.status();
  delivery->Take(event);
  EXPECT_EQ(delivery->End({}), kExitOk);
  return std::filesystem::exists(folder /
                                 ("digits-none-seed0-stage0-1x1" + extension));
}

TEST(DeliveryTest, WhatIsShownIsWrittenAsPng) {
  EXPECT_TRUE(Writes(".png", ""));
  EXPECT_TRUE(Writes(".png", "PNG"));
}

TEST(DeliveryTest, RawIsWrittenAsRawHoweverItIsSpelled) {
  EXPECT_TRUE(Writes(".raw", "raw"));
  EXPECT_TRUE(Writes(".raw", "RAW"));
}

}  // namespace
}  // namespace cascade
