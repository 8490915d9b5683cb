#include "server/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cascade {
namespace {

using ::testing::HasSubstr;

std::variant<Options, EarlyExit> Parse(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "cascade-server");
  return ParseOptions(static_cast<int>(flags.size()), flags.data());
}

TEST(OptionsTest, HasDefaults) {
  const auto parsed = Parse({"--cascade", "digits=/packages/digits"});
  const Options& options = std::get<Options>(parsed);
  EXPECT_EQ(options.listen, "127.0.0.1:50051");
  EXPECT_EQ(options.http_listen, "");
  ASSERT_EQ(options.cascades.size(), 1u);
  EXPECT_EQ(options.cascades[0].name, "digits");
  EXPECT_EQ(options.cascades[0].package, "/packages/digits");
  EXPECT_EQ(options.drain_timeout, absl::Seconds(30));
}

TEST(OptionsTest, ReadsEveryFlag) {
  const auto parsed =
      Parse({"--listen=0.0.0.0:0", "--http_listen=0.0.0.0:8080",
             "--cascade=a=p", "--cascade=b=q=r", "--lanes=3",
             "--max_batch_rows=16", "--slots=8", "--max_queued_images=100",
             "--max_images_per_request=10", "--encode_threads=4",
             "--drain_timeout=1m30s", "--reader_stall_timeout=500ms",
             "--reproducibility=fast", "--log_level=error"});
  const Options& options = std::get<Options>(parsed);
  EXPECT_EQ(options.listen, "0.0.0.0:0");
  EXPECT_EQ(options.http_listen, "0.0.0.0:8080");
  ASSERT_EQ(options.cascades.size(), 2u);
  EXPECT_EQ(options.cascades[1].package, "q=r");
  EXPECT_EQ(options.lanes, 3);
  EXPECT_EQ(options.max_batch_rows, 16);
  EXPECT_EQ(options.slots, 8);
  EXPECT_EQ(options.max_queued_images, 100);
  EXPECT_EQ(options.max_images_per_request, 10);
  EXPECT_EQ(options.encode_threads, 4);
  EXPECT_EQ(options.drain_timeout, absl::Seconds(90));
  EXPECT_EQ(options.reader_stall_timeout, absl::Milliseconds(500));
  EXPECT_EQ(options.reproducibility, Reproducibility::kFast);
  EXPECT_EQ(options.log_level, LogLevel::kError);
}

TEST(OptionsTest, ASmallQueueLowersTheDefaultOfARequest) {
  const auto parsed = Parse({"--cascade=a=p", "--max_queued_images=5"});
  EXPECT_EQ(std::get<Options>(parsed).max_images_per_request, 5);
}

TEST(OptionsTest, HelpAndVersionAreNoErrors) {
  for (const char* flag : {"--help", "--version"}) {
    const auto parsed = Parse({flag});
    const EarlyExit& exit = std::get<EarlyExit>(parsed);
    EXPECT_EQ(exit.code, 0);
    EXPECT_THAT(exit.text, HasSubstr("cascade-server"));
  }
}

struct BadLine {
  std::vector<const char*> flags;
  const char* named;  // What the message has to name.
};

TEST(OptionsTest, RefusesBadLinesByName) {
  const BadLine lines[] = {
      {{}, "--cascade"},
      {{"--cascade=a=p", "--bogus"}, "--bogus"},
      {{"--cascade=a=p", "extra"}, "extra"},
      {{"--cascade=ap"}, "'ap'"},
      {{"--cascade==p"}, "'=p'"},
      {{"--cascade=a=p", "--cascade=a=q"}, "'a'"},
      {{"--cascade=a=p", "--listen=nowhere"}, "'nowhere'"},
      {{"--cascade=a=p", "--listen=h:70000"}, "'h:70000'"},
      {{"--cascade=a=p", "--lanes=many"}, "--lanes"},
      {{"--cascade=a=p", "--slots=0"}, "--slots"},
      {{"--cascade=a=p", "--drain_timeout=5"}, "'5'"},
      {{"--cascade=a=p", "--log_level=loud"}, "'loud'"},
      {{"--cascade=a=p", "--reproducibility=some"}, "'some'"},
      {{"--cascade=a=p", "--max_queued_images=2", "--max_images_per_request=3"},
       "--max_images_per_request"},
  };
  for (const BadLine& line : lines) {
    const auto parsed = Parse(line.flags);
    ASSERT_TRUE(std::holds_alternative<EarlyExit>(parsed)) << line.named;
    EXPECT_EQ(std::get<EarlyExit>(parsed).code, 2);
    EXPECT_THAT(std::get<EarlyExit>(parsed).text, HasSubstr(line.named));
  }
}

}  // namespace
}  // namespace cascade
