#include "client/load_mix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cascade {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

MixEntry Defaults() {
  MixEntry defaults;
  defaults.flags.cascade = "digits";
  defaults.flags.steps = "12";
  defaults.deadline = "30s";
  return defaults;
}

std::string ErrorOf(const std::string& text) {
  const auto mix = ParseMix(text, Defaults());
  return mix.ok() ? "" : std::string(mix.status().message());
}

TEST(LoadMixTest, AnEntryChangesItsFieldsAndKeepsTheRest) {
  const auto mix = ParseMix(
      "90%:name=short:steps=4,4,2; 10% : count=8:target-stage=1:class=3,4:"
      "priority=batch:tenant=a=b:deadline=5s",
      Defaults());
  ASSERT_TRUE(mix.ok()) << mix.status();
  ASSERT_EQ(mix->size(), 2u);
  const MixEntry& first = (*mix)[0];
  EXPECT_EQ(first.name, "short");
  EXPECT_DOUBLE_EQ(first.weight, 0.9);
  EXPECT_EQ(first.flags.steps, "4,4,2");
  EXPECT_EQ(first.flags.cascade, "digits");
  EXPECT_EQ(first.deadline, "30s");
  const MixEntry& second = (*mix)[1];
  EXPECT_DOUBLE_EQ(second.weight, 0.1);
  EXPECT_EQ(second.flags.steps, "12");
  EXPECT_EQ(second.flags.image_count, 8);
  EXPECT_EQ(second.flags.target_stage, 1);
  EXPECT_EQ(second.flags.class_choice, "3,4");
  EXPECT_EQ(second.flags.priority, "batch");
  EXPECT_EQ(second.tenant, "a=b");
  EXPECT_EQ(second.deadline, "5s");
}

TEST(LoadMixTest, AnEntryWithoutANameIsCalledByItsFields) {
  const auto mix = ParseMix("1:steps=4:count=2;2", Defaults());
  ASSERT_TRUE(mix.ok()) << mix.status();
  EXPECT_EQ((*mix)[0].name, "steps=4 count=2");
  EXPECT_EQ((*mix)[1].name, "default");
}

TEST(LoadMixTest, ErrorsNameTheEntryTheFieldAndTheValue) {
  EXPECT_THAT(ErrorOf("50%;50%:stepz=4"),
              AllOf(HasSubstr("--mix 50%:stepz=4"), HasSubstr("'stepz'"),
                    HasSubstr("target-stage")));
  EXPECT_THAT(ErrorOf("5:count=many"), HasSubstr("count='many'"));
  EXPECT_THAT(ErrorOf("5:steps"), HasSubstr("steps=''"));
  EXPECT_THAT(ErrorOf("x:steps=4"), HasSubstr("'x'"));
  EXPECT_THAT(ErrorOf("0%:steps=4"), HasSubstr("must be positive"));
  EXPECT_THAT(ErrorOf("1:steps=4;"), HasSubstr("the weight ''"));
  EXPECT_THAT(ErrorOf("1:name=a;2:name=a"), HasSubstr("called 'a'"));
}

TEST(LoadMixTest, PercentagesAreFractions) {
  EXPECT_DOUBLE_EQ(*ParsePercentFlag("--cancel", "5%"), 0.05);
  EXPECT_DOUBLE_EQ(*ParsePercentFlag("--cancel", "0.5"), 0.005);
  for (const char* wrong : {"-1%", "101%", "nan", "five", ""}) {
    const auto share = ParsePercentFlag("--cancel", wrong);
    ASSERT_FALSE(share.ok()) << wrong;
    EXPECT_THAT(std::string(share.status().message()),
                AllOf(HasSubstr("--cancel"), HasSubstr(wrong)));
  }
}

}  // namespace
}  // namespace cascade
