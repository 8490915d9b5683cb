#include "server/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "server/config_setting.h"

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
  const auto parsed = Parse({"--listen=0.0.0.0:0",
                             "--http_listen=0.0.0.0:8080",
                             "--cascade=a=p",
                             "--cascade=b=q=r",
                             "--lanes=3",
                             "--max_batch_rows=16",
                             "--slots=8",
                             "--max_queued_images=100",
                             "--max_images_per_request=10",
                             "--encode_threads=4",
                             "--drain_timeout=1m30s",
                             "--reader_stall_timeout=500ms",
                             "--reproducibility=fast",
                             "--precision=bf16",
                             "--log_level=error",
                             "--log_format=json",
                             "--admin_listen=127.0.0.1:0",
                             "--max_upload_pixels=1000",
                             "--max_receive_message_bytes=2048",
                             "--max_concurrent_streams=7",
                             "--keepalive_time=1m",
                             "--keepalive_timeout=5s",
                             "--min_client_ping_interval=1s",
                             "--max_connection_age=2h",
                             "--max_connection_age_grace=1m",
                             "--lane_stall_limit=inf",
                             "--policy=request",
                             "--stage_inbox=12",
                             "--max_step_mib=512",
                             "--priority_ageing=2s"});
  const Options& options = std::get<Options>(parsed);
  EXPECT_EQ(options.listen, "0.0.0.0:0");
  EXPECT_EQ(options.http_listen, "0.0.0.0:8080");
  ASSERT_EQ(options.cascades.size(), 2u);
  EXPECT_EQ(options.cascades[1].package, "q=r");
  ASSERT_EQ(options.lanes.size(), 1u);
  EXPECT_EQ(options.lanes[0].device, "cpu");
  EXPECT_EQ(options.lanes[0].count, 3);
  EXPECT_EQ(options.max_batch_rows, 16);
  EXPECT_EQ(options.slots, 8);
  EXPECT_EQ(options.max_queued_images, 100);
  EXPECT_EQ(options.max_images_per_request, 10);
  EXPECT_EQ(options.encode_threads, 4);
  EXPECT_EQ(options.drain_timeout, absl::Seconds(90));
  EXPECT_EQ(options.reader_stall_timeout, absl::Milliseconds(500));
  EXPECT_EQ(options.reproducibility, Reproducibility::kFast);
  EXPECT_EQ(options.precision, Precision::kBf16);
  EXPECT_EQ(options.log_level, LogLevel::kError);
  EXPECT_EQ(options.log_format, LogFormat::kJson);
  EXPECT_EQ(options.admin_listen, "127.0.0.1:0");
  EXPECT_EQ(options.max_upload_pixels, 1000);
  EXPECT_EQ(options.max_receive_message_bytes, 2048);
  EXPECT_EQ(options.max_concurrent_streams, 7);
  EXPECT_EQ(options.keepalive_time, absl::Minutes(1));
  EXPECT_EQ(options.keepalive_timeout, absl::Seconds(5));
  EXPECT_EQ(options.min_client_ping_interval, absl::Seconds(1));
  EXPECT_EQ(options.max_connection_age, absl::Hours(2));
  EXPECT_EQ(options.max_connection_age_grace, absl::Minutes(1));
  EXPECT_EQ(options.lane_stall_limit, absl::InfiniteDuration());
  EXPECT_EQ(options.policy, StepPolicyKind::kWholeRequest);
  EXPECT_EQ(options.stage_inbox, 12);
  EXPECT_EQ(options.max_step_mib, 512);
  EXPECT_EQ(options.priority_ageing, absl::Seconds(2));
}

TEST(OptionsTest, AFlagWinsOverTheEnvironmentAndThatOverTheFile) {
  const std::string file = ::testing::TempDir() + "/options_test.json";
  std::ofstream(file) << R"({"slots": 1, "lanes": 2, "encode_threads": 3,
      "cascades": [{"name": "file", "package": "f"}]})";
  setenv("CASCADE_CONFIG", file.c_str(), 1);
  setenv("CASCADE_LANES", "20", 1);
  setenv("CASCADE_ENCODE_THREADS", "30", 1);
  const auto parsed = Parse({"--encode_threads=200"});
  const auto replaced = Parse({"--cascade=flag=f"});
  for (const char* name :
       {"CASCADE_CONFIG", "CASCADE_LANES", "CASCADE_ENCODE_THREADS"}) {
    unsetenv(name);
  }
  const Options& options = std::get<Options>(parsed);
  EXPECT_EQ(options.slots, 1);
  EXPECT_EQ(options.lanes[0].count, 20);
  EXPECT_EQ(options.encode_threads, 200);
  EXPECT_EQ(options.cascades[0].name, "file");
  ASSERT_EQ(std::get<Options>(replaced).cascades.size(), 1u);
  EXPECT_EQ(std::get<Options>(replaced).cascades[0].name, "flag");
}

TEST(OptionsTest, RefusesABadVariableByName) {
  setenv("CASCADE_SLOTS", "lots", 1);
  const auto parsed = Parse({"--cascade=a=p"});
  unsetenv("CASCADE_SLOTS");
  ASSERT_TRUE(std::holds_alternative<EarlyExit>(parsed));
  EXPECT_EQ(std::get<EarlyExit>(parsed).text,
            "CASCADE_SLOTS: 'lots' is not an integer in 1..4096\n");
}

TEST(OptionsTest, AServerWithAnAdminServiceMayBeginEmpty) {
  const auto parsed = Parse({"--admin_listen=127.0.0.1:0"});
  EXPECT_TRUE(std::get<Options>(parsed).cascades.empty());
}

TEST(OptionsTest, HelpNamesEverySettingWithItsDefault) {
  const auto parsed = Parse({"--help"});
  for (const ConfigSetting& setting : ConfigSettings()) {
    EXPECT_THAT(std::get<EarlyExit>(parsed).text,
                HasSubstr("--" + setting.name + " " + setting.type));
  }
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

TEST(OptionsTest, TheReadmeHasARowForEverySetting) {
  std::ifstream file(CASCADE_SOURCE_DIR "/server/README.md");
  const std::string readme(std::istreambuf_iterator<char>(file), {});
  for (const ConfigSetting& setting : ConfigSettings()) {
    const std::string value = setting.default_text.empty()
                                  ? "none"
                                  : "`" + setting.default_text + "`";
    EXPECT_THAT(readme, HasSubstr("| `" + setting.name + "` | " + value));
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
      {{"--cascade=a/b=p"}, "'a/b'"},
      {{"--config=/nonexistent/file"}, "/nonexistent/file"},
      {{"--cascade=a=p", "--max_connection_age=577h"}, "'577h'"},
      {{"--cascade=a=p", "--keepalive_timeout=inf"}, "'inf'"},
      {{"--cascade=a=p", "--cascade=a=q"}, "'a'"},
      {{"--cascade=a=p", "--listen=nowhere"}, "'nowhere'"},
      {{"--cascade=a=p", "--listen=h:70000"}, "'h:70000'"},
      {{"--cascade=a=p", "--lanes=many"}, "--lanes"},
      {{"--cascade=a=p", "--slots=0"}, "--slots"},
      {{"--cascade=a=p", "--drain_timeout=5"}, "'5'"},
      {{"--cascade=a=p", "--log_level=loud"}, "'loud'"},
      {{"--cascade=a=p", "--log_format=xml"}, "'xml'"},
      {{"--cascade=a=p", "--reproducibility=some"}, "'some'"},
      {{"--cascade=a=p", "--precision=int8"},
       "'int8' is not one of auto|bf16|fp16|fp32"},
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
