#include "server/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/error_reason.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, GivesTheSameStageForTheSameNames) {
  Metrics metrics("build");
  EXPECT_EQ(&metrics.Stage("digits", "8x8"), &metrics.Stage("digits", "8x8"));
  EXPECT_NE(&metrics.Stage("digits", "8x8"), &metrics.Stage("digits", "16x16"));
}

TEST(MetricsTest, CountsStepsByBatch) {
  Metrics metrics("build");
  StageMetrics& stage = metrics.Stage("digits", "8x8");
  stage.RecordStep(1, absl::Milliseconds(1));
  stage.RecordStep(3, absl::Milliseconds(1));
  stage.RecordStep(4, absl::Milliseconds(1));
  stage.RecordStep(5000, absl::Milliseconds(1));
  const std::string text = metrics.Text();
  const auto count = [](const char* batch, int n) {
    return std::string("cascade_step_seconds_count{batch=\"") + batch +
           "\",cascade=\"digits\",stage=\"8x8\"} " + std::to_string(n);
  };
  EXPECT_THAT(text, HasSubstr(count("1", 1)));
  EXPECT_THAT(text, HasSubstr(count("2", 0)));
  EXPECT_THAT(text, HasSubstr(count("4", 2)));
  EXPECT_THAT(text, HasSubstr(count("1024", 1)));
  EXPECT_THAT(text, HasSubstr("cascade_step_rows_total{cascade=\"digits\","
                              "stage=\"8x8\"} 5008"));
}

TEST(MetricsTest, CountsRequestsByOutcomeAndReason) {
  Metrics metrics("build");
  metrics.RecordJob(
      {.cascade = "digits", .status = absl::OkStatus(), .images = 4});
  metrics.RecordJob(
      {.cascade = "digits",
       .status = ErrorWithReason(absl::StatusCode::kResourceExhausted,
                                 kQueueFull, "")});
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("cascade_requests_total{cascade=\"digits\","
                              "outcome=\"OK\",reason=\"\"} 1"));
  EXPECT_THAT(text,
              HasSubstr("outcome=\"RESOURCE_EXHAUSTED\",reason=\"QUEUE_FULL\"} "
                        "1"));
  EXPECT_THAT(text, HasSubstr("cascade_images_total 4"));
}

TEST(MetricsTest, CountsCalls) {
  Metrics metrics("build");
  metrics.CallStarted("GenerateImage");
  metrics.CallStarted("GenerateImage");
  metrics.CallEnded("GenerateImage", absl::StatusCode::kOk, "",
                    absl::Seconds(1));
  metrics.ReaderStalled();
  metrics.PreviewsDropped(3);
  const std::string text = metrics.Text();
  EXPECT_THAT(text,
              HasSubstr("cascade_rpcs_active{method=\"GenerateImage\"} 1"));
  EXPECT_THAT(text, HasSubstr("cascade_rpcs_total{code=\"OK\",method="
                              "\"GenerateImage\",reason=\"\"} 1"));
  EXPECT_THAT(text, HasSubstr("cascade_reader_stalls_total 1"));
  EXPECT_THAT(text, HasSubstr("cascade_previews_dropped_total 3"));
}

TEST(MetricsTest, TellsBuildAndCascades) {
  Metrics metrics("0.1.0 cpu");
  metrics.SetCascade("digits", "abc");
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("cascade_build_info{build=\"0.1.0 cpu\"} 1"));
  EXPECT_THAT(text, HasSubstr("cascade_loaded_info{cascade=\"digits\",digest="
                              "\"abc\"} 1"));
  metrics.RemoveCascade("digits", "abc");
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("cascade_loaded_info{")));
}

}  // namespace
}  // namespace cascade
