#include "client/load_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cascade {
namespace {

using ::testing::HasSubstr;

// Parses a command line; its usage errors are CLI11's exceptions.
LoadFlags FlagsOf(const std::string& line) {
  CLI::App app;
  LoadFlags flags;
  flags.AddTo(app);
  app.parse(line);
  return flags;
}

TEST(LoadFlagsTest, WithoutALimitThereAreAHundredRequests) {
  EXPECT_EQ(FlagsOf("").Parse()->requests, 100);
  EXPECT_EQ(FlagsOf("--duration 30s").Parse()->requests, 0);
  EXPECT_EQ(FlagsOf("--duration 30s").Parse()->duration, absl::Seconds(30));
  EXPECT_EQ(FlagsOf("--requests 7").Parse()->requests, 7);
}

TEST(LoadFlagsTest, ReadsArrivalsSharesAndTheGoal) {
  const auto settings =
      FlagsOf(
          "--rate 5 --arrivals constant --cancel 10% --slow-readers 5% "
          "--read-delay 200ms --goal 2s")
          .Parse();
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->arrivals, ArrivalKind::kConstant);
  EXPECT_DOUBLE_EQ(settings->cancelled_share, 0.1);
  EXPECT_DOUBLE_EQ(settings->slow_reader_share, 0.05);
  EXPECT_EQ(settings->read_delay, absl::Milliseconds(200));
  EXPECT_EQ(settings->goal, absl::Seconds(2));
  EXPECT_FALSE(FlagsOf("").Parse()->goal.has_value());
}

TEST(LoadFlagsTest, ErrorsNameTheFlagAndTheValue) {
  for (const auto& [flag, value] : {std::pair{"--duration", "soon"},
                                    {"--cancel", "120%"},
                                    {"--slow-readers", "some"},
                                    {"--read-delay", "-1s"},
                                    {"--goal", "0s"}}) {
    const auto settings = FlagsOf(absl::StrCat(flag, "=", value)).Parse();
    ASSERT_FALSE(settings.ok()) << flag;
    EXPECT_THAT(std::string(settings.status().message()), HasSubstr(flag));
    EXPECT_THAT(std::string(settings.status().message()), HasSubstr(value));
  }
  EXPECT_THROW(FlagsOf("--rate 5 --clients 2"), CLI::ExcludesError);
  EXPECT_THROW(FlagsOf("--rate 0"), CLI::ValidationError);
  EXPECT_THROW(FlagsOf("--arrivals often"), CLI::ValidationError);
}

}  // namespace
}  // namespace cascade
