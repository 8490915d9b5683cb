#include "server/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "server/config_setting.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Write(const std::string& text) {
  const std::string path = ::testing::TempDir() + "/config_file_test.json";
  std::ofstream(path) << text;
  return path;
}

TEST(ConfigFileTest, ReadsSettingsAndLists) {
  Options options;
  ASSERT_OK(ReadConfigFile(Write(R"({
    // Where clients come in.
    "listen": "0.0.0.0:50051",
    "slots": 16,
    "drain_timeout": "1m30s",
    "reproducibility": "fast",
    "cascades": [
      {"name": "digits", "package": "zoo/digits"},
      {"name": "faces", "package": "zoo/faces", "max_batch_rows": 8,
       "slots": 4, "max_queued_images": 100}
    ],
    "lanes": [
      {"device": "cuda:0", "stages": ["faces/*"]},
      {"device": "cpu", "count": 2}
    ],
    "tenants": [
      {"name": "acme", "weight": 2.5, "max_images": 64,
       "max_priority": "standard"},
      {"name": "default", "max_priority": "batch"}
    ],
    "memory_limit": [{"device": "cuda:0", "bytes": 60000000000}]
  })"),
                           options));
  EXPECT_EQ(options.listen, "0.0.0.0:50051");
  EXPECT_EQ(options.slots, 16);
  EXPECT_EQ(options.drain_timeout, absl::Seconds(90));
  EXPECT_EQ(options.reproducibility, Reproducibility::kFast);

  ASSERT_EQ(options.cascades.size(), 2u);
  EXPECT_EQ(options.cascades[0].name, "digits");
  EXPECT_EQ(options.cascades[0].package, "zoo/digits");
  EXPECT_EQ(options.cascades[0].slots, std::nullopt);
  EXPECT_EQ(options.cascades[1].max_batch_rows, 8);
  EXPECT_EQ(options.cascades[1].slots, 4);
  EXPECT_EQ(options.cascades[1].max_queued_images, 100);

  ASSERT_EQ(options.lanes.size(), 2u);
  EXPECT_EQ(options.lanes[0].device, "cuda:0");
  EXPECT_EQ(options.lanes[0].count, 0);
  EXPECT_THAT(options.lanes[0].stages, ElementsAre("faces/*"));
  EXPECT_EQ(options.lanes[1].count, 2);
  EXPECT_THAT(options.lanes[1].stages, ElementsAre("*"));

  ASSERT_EQ(options.tenants.named.size(), 2u);
  const TenantLimits& acme = options.tenants.named.at("acme");
  EXPECT_EQ(acme.weight, 2.5);
  EXPECT_EQ(acme.max_images, 64);
  EXPECT_EQ(acme.max_priority, Priority::kStandard);
  EXPECT_EQ(options.tenants.named.at("default").max_priority, Priority::kBatch);
  EXPECT_EQ(options.memory_limit.at("cuda:0"), 60'000'000'000);
}

TEST(ConfigFileTest, LeavesAloneWhatItDoesNotName) {
  Options options;
  options.slots = 5;
  ASSERT_OK(ReadConfigFile(Write("{}"), options));
  EXPECT_EQ(options.slots, 5);
  EXPECT_EQ(options.lanes.size(), 1u);
}

TEST(ConfigFileTest, LanesMayBeANumber) {
  Options options;
  ASSERT_OK(ReadConfigFile(Write(R"({"lanes": 3})"), options));
  ASSERT_EQ(options.lanes.size(), 1u);
  EXPECT_EQ(options.lanes[0].count, 3);
}

// Every setting with its default, as a file.
TEST(ConfigFileTest, TakesTheDefaultOfEverySetting) {
  for (const ConfigSetting& setting : ConfigSettings()) {
    const std::string quote = setting.is_number ? "" : "\"";
    Options options;
    EXPECT_OK(ReadConfigFile(Write("{\"" + setting.name + "\": " + quote +
                                   setting.default_text + quote + "}"),
                             options));
  }
}

struct BadFile {
  const char* text;
  const char* named;  // What the message has to name: path and value.
};

TEST(ConfigFileTest, RefusesWhatIsWrongByPathAndValue) {
  const BadFile files[] = {
      {"{\"slots\": 1", "config_file_test.json"},
      {"[]", "must be an object, is []"},
      {R"({"slot": 1})", "slot is unknown (its value is 1)"},
      {R"({"slots": "1"})", "slots must be an integer"},
      {R"({"slots": 0})", "slots '0' is not an integer in 1..4096"},
      {R"({"slots": 1, "slots": 2})", "slots"},
      {R"({"listen": 50051})", "listen must be a string, is 50051"},
      {R"({"listen": "here"})", "listen 'here'"},
      {R"({"drain_timeout": 30})", "drain_timeout must be a string, is 30"},
      {R"({"log_level": "loud"})", "log_level 'loud'"},
      {R"({"cascades": {}})", "cascades must be a list, is {}"},
      {R"({"cascades": [{"name": "a"}]})", "cascades[0].package is missing"},
      {R"({"cascades": [{"name": "a/b", "package": "p"}]})",
       "cascades[0].name 'a/b'"},
      {R"({"cascades": [{"name": "a", "package": "p", "slots": 5000}]})",
       "cascades[0].slots must be an integer in 1..4096, is 5000"},
      {R"({"lanes": "many"})", "lanes must be an integer"},
      {R"({"lanes": []})", "lanes must not be empty"},
      {R"({"lanes": [{"device": "cpu"}, {"device": "gpu"}]})",
       "lanes[1].device must be \"cpu\" or \"cuda:N\", is \"gpu\""},
      {R"({"lanes": [{"device": "cpu", "count": 0}]})",
       "lanes[0].count must be an integer in 1..1024, is 0"},
      {R"({"lanes": [{"device": "cpu", "stages": []}]})",
       "lanes[0].stages must not be empty"},
      {R"({"lanes": [{"device": "cpu", "cores": 2}]})",
       "lanes[0].cores is unknown"},
      {R"({"tenants": [{"name": "a", "weight": 0}]})",
       "tenants[0].weight must be a number in 0.001..1000, is 0"},
      {R"({"tenants": [{"name": "a", "weight": -1}]})",
       "tenants[0].weight must be a number in 0.001..1000, is -1"},
      {R"({"tenants": [{"name": "a"}, {"name": "b", "weight": "NaN"}]})",
       "tenants[1].weight must be a number in 0.001..1000, is \"NaN\""},
      {R"({"tenants": [{"name": "a", "weight": 1e999}]})", "1e999"},
      {R"({"tenants": [{"name": "a", "max_images": 0}]})",
       "tenants[0].max_images must be an integer in 1..1000000, is 0"},
      {R"({"tenants": [{"name": "a", "max_images": 1.5}]})",
       "tenants[0].max_images must be an integer in 1..1000000, is 1.5"},
      {R"({"tenants": [{"name": "a"}, {"name": "a"}]})",
       "tenants has \"a\" twice"},
      {R"({"tenants": [{"name": "a", "max_priority": "top"}]})",
       "tenants[0].max_priority must be one of"},
      {R"({"memory_limit": [{"device": "cpu", "bytes": -1}]})",
       "memory_limit[0].bytes must be a natural number, is -1"},
      {R"({"memory_limit": [{"device": "cuda:00", "bytes": 1}]})",
       "is \"cuda:00\""},
  };
  for (const BadFile& file : files) {
    Options options;
    const absl::Status status = ReadConfigFile(Write(file.text), options);
    EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument))
        << file.text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(file.named));
  }
}

}  // namespace
}  // namespace cascade
