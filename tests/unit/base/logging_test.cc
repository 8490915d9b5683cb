#include "server/base/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "server/base/mutex.h"
#include "tests/support/fake_clock.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<std::string> LinesOf(const Logger::Options& options,
                                 const std::function<void(Logger&)>& log) {
  std::vector<std::string> lines;
  FakeClock clock;
  {
    Logger logger(options, clock, [&lines](std::string_view line) {
      lines.emplace_back(line);
    });
    log(logger);
  }
  return lines;
}

// Takes no line until it is told to.
class StuckSink {
 public:
  void Take(std::string_view line) {
    MutexLock lock(mutex_);
    is_reached_ = true;
    changed_.SignalAll();
    while (!is_open_) changed_.Wait(mutex_);
    lines_.emplace_back(line);
  }
  void AwaitLine() {
    MutexLock lock(mutex_);
    while (!is_reached_) changed_.Wait(mutex_);
  }
  void Open() {
    MutexLock lock(mutex_);
    is_open_ = true;
    changed_.SignalAll();
  }
  std::vector<std::string> lines() {
    MutexLock lock(mutex_);
    return lines_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool is_reached_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_open_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
};

TEST(LoggerTest, WritesKeyValuePairs) {
  const auto lines = LinesOf({}, [](Logger& logger) {
    logger.Log(LogLevel::kInfo, "request_end",
               {{"images", 3},
                {"total", absl::Milliseconds(20)},
                {"is_down", true},
                {"share", 0.5}});
  });
  EXPECT_THAT(lines, ElementsAre("time=2023-11-14T22:13:20.000Z level=info "
                                 "event=request_end images=3 total=20ms "
                                 "is_down=true share=0.5"));
}

TEST(LoggerTest, WritesAnObjectOfJson) {
  const auto lines = LinesOf({.format = LogFormat::kJson}, [](Logger& logger) {
    logger.Log(LogLevel::kWarning, "request_end",
               {{"id", "a b"},
                {"images", 3},
                {"total", absl::Milliseconds(20)},
                {"is_down", false},
                {"share", 0.5}});
  });
  EXPECT_THAT(
      lines,
      ElementsAre(R"({"time":"2023-11-14T22:13:20.000Z","level":"warning",)"
                  R"("event":"request_end","id":"a b","images":3,)"
                  R"("total_s":0.02,"is_down":false,"share":0.5})"));
}

TEST(LoggerTest, WhatClientsChooseStaysInsideItsStringOfJson) {
  const auto lines = LinesOf({.format = LogFormat::kJson}, [](Logger& logger) {
    logger.Log(LogLevel::kInfo, "e",
               {{"a", "\"},\n\x01"},
                {"b", "\xff\xc3\xa9"},
                {"c", std::numeric_limits<double>::infinity()}});
  });
  EXPECT_THAT(lines, ElementsAre(HasSubstr(
                         "\"a\":\"\\\"},\\n\\u0001\","
                         "\"b\":\"\xef\xbf\xbd\xc3\xa9\",\"c\":null}")));
}

TEST(LoggerTest, FlushWaitsForTheLinesBefore) {
  std::vector<std::string> lines;
  FakeClock clock;
  Logger logger({}, clock,
                [&lines](std::string_view line) { lines.emplace_back(line); });
  for (int i = 0; i < 100; ++i) logger.Log(LogLevel::kInfo, "e");
  EXPECT_TRUE(logger.Flush());
  EXPECT_THAT(lines, SizeIs(100));
}

TEST(LoggerTest, QuotesWhatWouldBreakALine) {
  const auto lines = LinesOf({}, [](Logger& logger) {
    logger.Log(LogLevel::kError, "e", {{"a", "x y"}, {"b", "1\n2"}, {"c", ""}});
  });
  EXPECT_THAT(lines,
              ElementsAre("time=2023-11-14T22:13:20.000Z level=error event=e "
                          "a=\"x y\" b=\"1\\n2\" c=\"\""));
}

TEST(LoggerTest, DropsLinesBelowItsLevel) {
  EXPECT_TRUE(LinesOf({.level = LogLevel::kWarning}, [](Logger& logger) {
                logger.Log(LogLevel::kInfo, "quiet");
              }).empty());
}

TEST(LoggerTest, AFullQueueDropsLinesAndSaysHowMany) {
  FakeClock clock;
  StuckSink sink;
  Logger logger({.max_queued_lines = 3}, clock,
                [&sink](std::string_view line) { sink.Take(line); });
  logger.Log(LogLevel::kInfo, "first");
  sink.AwaitLine();  // It counts until it is written.
  for (int i = 0; i < 2; ++i) logger.Log(LogLevel::kInfo, "kept");
  for (int i = 0; i < 5; ++i) logger.Log(LogLevel::kInfo, "dropped");
  EXPECT_EQ(logger.lines_dropped(), 5);
  EXPECT_FALSE(logger.Flush(absl::Now()));
  sink.Open();
  EXPECT_TRUE(logger.Flush());
  logger.Log(LogLevel::kInfo, "after");
  EXPECT_TRUE(logger.Flush());
  EXPECT_THAT(sink.lines(),
              ElementsAre(HasSubstr("event=first"), HasSubstr("event=kept"),
                          HasSubstr("event=kept"),
                          HasSubstr("level=warning event=log_lines_dropped "
                                    "lines=5"),
                          HasSubstr("event=after")));
  EXPECT_EQ(logger.lines_dropped(), 5);
}

TEST(LoggerTest, DropsAreToldAtTheEndIfNoLineFollows) {
  FakeClock clock;
  StuckSink sink;
  {
    Logger logger({.max_queued_lines = 1}, clock,
                  [&sink](std::string_view line) { sink.Take(line); });
    logger.Log(LogLevel::kInfo, "first");
    logger.Log(LogLevel::kInfo, "dropped");
    sink.Open();
  }
  EXPECT_THAT(sink.lines(),
              ElementsAre(HasSubstr("event=first"),
                          HasSubstr("event=log_lines_dropped lines=1")));
}

TEST(LogLevelTest, ParsesNames) {
  EXPECT_EQ(ParseLogLevel("warning"), LogLevel::kWarning);
  EXPECT_EQ(ParseLogLevel("loud"), std::nullopt);
}

}  // namespace
}  // namespace cascade
