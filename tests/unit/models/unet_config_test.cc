#include "models/nn/unet_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "models/nn/unet_cost.h"

namespace cascade {
namespace {

using testing::HasSubstr;

TEST(UNetConfigTest, NamesTheFieldAndTheValue) {
  const auto message = [](auto change) {
    UNetConfig config;
    change(config);
    return std::string(config.Validate().message());
  };
  EXPECT_EQ(message([](UNetConfig&) {}), "");
  EXPECT_THAT(message([](UNetConfig& c) { c.num_res_blocks = 0; }),
              HasSubstr("num_res_blocks must be in 1..64, is 0"));
  EXPECT_THAT(message([](UNetConfig& c) { c.out_channels = 4; }),
              HasSubstr("out_channels"));
  EXPECT_THAT(message([](UNetConfig& c) { c.norm_groups = 48; }),
              HasSubstr("norm_groups (48)"));
  EXPECT_THAT(message([](UNetConfig& c) { c.null_class = true; }),
              HasSubstr("null_class needs num_classes"));
  EXPECT_THAT(message([](UNetConfig& c) { c.num_head_channels = 48; }),
              HasSubstr("num_head_channels (48)"));
  EXPECT_THAT(message([](UNetConfig& c) { c.attention_downsampling = {3}; }),
              HasSubstr("powers of two"));
  EXPECT_THAT(message([](UNetConfig& c) { c.channel_mult.clear(); }),
              HasSubstr("channel_mult"));
  EXPECT_THAT(message([](UNetConfig& c) { c.augmentation_embedding = true; }),
              HasSubstr("super_resolution"));
}

TEST(UNetConfigTest, HeadsDivideTheLevelsThatAttendOnly) {
  UNetConfig config;
  config.model_channels = 32;
  config.channel_mult = {2, 1, 4};  // 64, 32 and 128 channels.
  config.num_head_channels = 64;
  config.attention_downsampling = {1};
  EXPECT_TRUE(config.Validate().ok()) << config.Validate();
  config.attention_downsampling = {1, 2};
  EXPECT_THAT(std::string(config.Validate().message()),
              HasSubstr("channel_mult[1]"));
}

TEST(UNetConfigTest, HeadsAreGivenByNumberOrByWidth) {
  UNetConfig config;
  config.num_heads = 4;
  EXPECT_EQ(config.heads(128), 4);
  config.num_head_channels = 64;
  EXPECT_EQ(config.heads(128), 2);
}

// Published parameter counts, and the multiply-accumulates that agree with the
// figures quoted for these networks.
TEST(UNetCostTest, AgreesWithPublishedNetworks) {
  UNetConfig base;
  base.out_channels = 6;
  base.model_channels = 192;
  base.channel_mult = {1, 2, 3, 4};
  base.num_res_blocks = 3;
  base.attention_downsampling = {2, 4, 8};
  base.num_head_channels = 64;
  base.num_classes = 1000;
  EXPECT_EQ(CostOf(base, 64).parameters, 295'904'454);
  EXPECT_NEAR(static_cast<double>(CostOf(base, 64).macs) / 1e9, 109.7, 0.2);

  UNetConfig upsampler = base;
  upsampler.channel_mult = {1, 1, 2, 2, 4, 4};
  upsampler.num_res_blocks = 2;
  upsampler.attention_downsampling = {8, 16, 32};
  upsampler.super_resolution = true;
  EXPECT_EQ(CostOf(upsampler, 256).parameters, 311'795'910);
  EXPECT_NEAR(static_cast<double>(CostOf(upsampler, 256).macs) / 1e9, 631.6,
              1.0);
}

}  // namespace
}  // namespace cascade
