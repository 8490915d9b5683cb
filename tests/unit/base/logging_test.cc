#include "server/base/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/fake_clock.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

std::vector<std::string> LinesOf(LogLevel level,
                                 const std::function<void(Logger&)>& log) {
  std::vector<std::string> lines;
  FakeClock clock;
  {
    Logger logger(level, clock, [&lines](std::string_view line) {
      lines.emplace_back(line);
    });
    log(logger);
  }
  return lines;
}

TEST(LoggerTest, WritesKeyValuePairs) {
  const auto lines = LinesOf(LogLevel::kInfo, [](Logger& logger) {
    logger.Log(LogLevel::kInfo, "request_end",
               {{"images", 3}, {"total", absl::Milliseconds(20)}});
  });
  EXPECT_THAT(lines, ElementsAre("time=2023-11-14T22:13:20.000Z level=info "
                                 "event=request_end images=3 total=20ms"));
}

TEST(LoggerTest, FlushWaitsForTheLinesBefore) {
  std::vector<std::string> lines;
  FakeClock clock;
  Logger logger(LogLevel::kInfo, clock,
                [&lines](std::string_view line) { lines.emplace_back(line); });
  for (int i = 0; i < 100; ++i) logger.Log(LogLevel::kInfo, "e");
  logger.Flush();
  EXPECT_THAT(lines, SizeIs(100));
}

TEST(LoggerTest, QuotesWhatWouldBreakALine) {
  const auto lines = LinesOf(LogLevel::kInfo, [](Logger& logger) {
    logger.Log(LogLevel::kError, "e", {{"a", "x y"}, {"b", "1\n2"}, {"c", ""}});
  });
  EXPECT_THAT(lines,
              ElementsAre("time=2023-11-14T22:13:20.000Z level=error event=e "
                          "a=\"x y\" b=\"1\\n2\" c=\"\""));
}

TEST(LoggerTest, DropsLinesBelowItsLevel) {
  EXPECT_TRUE(LinesOf(LogLevel::kWarning, [](Logger& logger) {
                logger.Log(LogLevel::kInfo, "quiet");
              }).empty());
}

TEST(LogLevelTest, ParsesNames) {
  EXPECT_EQ(ParseLogLevel("warning"), LogLevel::kWarning);
  EXPECT_EQ(ParseLogLevel("loud"), std::nullopt);
}

}  // namespace
}  // namespace cascade
