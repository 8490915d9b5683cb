#include "server/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "absl/time/clock.h"
#include "server/base/error_reason.h"
#include "tests/support/metric_values.h"

namespace cascade {
namespace {

using ::testing::DoubleEq;
using ::testing::HasSubstr;

StepRecord Step(int rows) {
  return {.rows = rows, .images = rows, .device_time = absl::Milliseconds(1)};
}

TEST(MetricsTest, GivesTheSameSeriesForTheSameNames) {
  Metrics metrics("build");
  EXPECT_EQ(&metrics.Stage("digits", "8x8"), &metrics.Stage("digits", "8x8"));
  EXPECT_NE(&metrics.Stage("digits", "8x8"), &metrics.Stage("digits", "16x16"));
  EXPECT_EQ(&metrics.Tenant("a", "digits"), &metrics.Tenant("a", "digits"));
  EXPECT_NE(&metrics.Tenant("a", "digits"), &metrics.Tenant("b", "digits"));
}

TEST(MetricsTest, CountsStepsByBatch) {
  Metrics metrics("build");
  StageMetrics& stage = metrics.Stage("digits", "8x8");
  for (const int rows : {1, 3, 4, 5000}) stage.RecordStep(Step(rows));
  const MetricValues values(metrics.Text());
  const auto count = [&values](const char* batch) {
    return values.Sum("cascade_step_seconds_count", {{"batch", batch}});
  };
  EXPECT_EQ(count("1"), 1);
  EXPECT_EQ(count("2"), 0);
  EXPECT_EQ(count("4"), 2);
  EXPECT_EQ(count("1024"), 1);
  EXPECT_EQ(values.Sum("cascade_step_rows_total"), 5008);
}

TEST(MetricsTest, CountsRowsImagesAndWhatFillsUpApart) {
  Metrics metrics("build");
  metrics.Stage("digits", "8x8")
      .RecordStep({.rows = 6,
                   .images = 3,
                   .padded_rows = 2,
                   .device_time = absl::Milliseconds(1)});
  const MetricValues values(metrics.Text());
  EXPECT_EQ(values.Sum("cascade_step_rows_total"), 6);
  EXPECT_EQ(values.Sum("cascade_step_images_total"), 3);
  EXPECT_EQ(values.Sum("cascade_padded_rows_total"), 2);
}

TEST(MetricsTest, CountsRequestsByOutcomeAndReason) {
  Metrics metrics("build");
  metrics.RecordJob({.cascade = "digits",
                     .status = absl::OkStatus(),
                     .images = 4,
                     .queued = absl::Seconds(1),
                     .total = absl::Minutes(11)});
  metrics.RecordJob(
      {.cascade = "digits",
       .status = ErrorWithReason(absl::StatusCode::kResourceExhausted,
                                 kQueueFull, "")});
  const MetricValues values(metrics.Text());
  EXPECT_EQ(values.Sum("cascade_requests_total",
                       {{"cascade", "digits"}, {"outcome", "OK"}}),
            1);
  EXPECT_EQ(
      values.Sum("cascade_requests_total",
                 {{"outcome", "RESOURCE_EXHAUSTED"}, {"reason", "QUEUE_FULL"}}),
      1);
  EXPECT_EQ(values.Sum("cascade_images_total", {{"cascade", "digits"}}), 4);
  EXPECT_EQ(values.Sum("cascade_queue_seconds_sum"), 1);
  // The longest bucket holds ten minutes.
  EXPECT_EQ(values.Sum("cascade_request_seconds_bucket", {{"le", "655.36"}}),
            0);
  EXPECT_EQ(values.Sum("cascade_request_seconds_count"), 1);
}

TEST(MetricsTest, ACascadeBeginsAtZero) {
  Metrics metrics("build");
  metrics.AddCascade("digits");
  metrics.Stage("digits", "8x8");
  metrics.Tenant("default", "digits");
  const MetricValues values(metrics.Text());
  for (const char* name :
       {"cascade_requests_total", "cascade_images_total",
        "cascade_queue_seconds_count", "cascade_request_seconds_count",
        "cascade_first_preview_seconds_count", "cascade_step_rows_total",
        "cascade_tenant_device_seconds_total"}) {
    EXPECT_EQ(values.Count(name, {{"cascade", "digits"}}), 1) << name;
    EXPECT_EQ(values.Sum(name), 0) << name;
  }
  EXPECT_EQ(
      values.Count("cascade_ended_images_total", {{"outcome", "CANCELLED"}}),
      1);
}

TEST(MetricsTest, CountsCalls) {
  Metrics metrics("build");
  metrics.CallStarted("GenerateImage");
  metrics.CallStarted("GenerateImage");
  metrics.CallEnded("GenerateImage", absl::StatusCode::kOk, "",
                    absl::Seconds(1));
  metrics.ReaderStalled();
  metrics.PreviewsDropped(3);
  const MetricValues values(metrics.Text());
  EXPECT_EQ(values.Sum("cascade_rpcs_active", {{"method", "GenerateImage"}}),
            1);
  EXPECT_EQ(values.Sum("cascade_rpcs_total",
                       {{"code", "OK"}, {"method", "GenerateImage"}}),
            1);
  EXPECT_EQ(values.Sum("cascade_reader_stalls_total"), 1);
  EXPECT_EQ(values.Sum("cascade_previews_dropped_total"), 3);
}

TEST(MetricsTest, TellsItsBuild) {
  EXPECT_THAT(Metrics("0.1.0 cpu").Text(),
              HasSubstr("cascade_build_info{build=\"0.1.0 cpu\"} 1"));
}

TEST(StateMetricsTest, WhatIsNotSetAnyMoreHasNoSeries) {
  Metrics metrics("build");
  metrics.state().SetStages(
      {{.cascade = "a", .stage = "8x8", .active = 1, .efficient_rows = 8},
       {.cascade = "b", .stage = "8x8", .waiting = 2}});
  metrics.state().SetCascades({{.cascade = "a", .digest = "1"}});
  metrics.state().SetStages({{.cascade = "b", .stage = "8x8", .waiting = 3}});
  metrics.state().SetCascades({});
  const MetricValues values(metrics.Text());
  EXPECT_EQ(values.Count("cascade_stage_images", {{"cascade", "a"}}), 0);
  EXPECT_EQ(values.Sum("cascade_stage_images",
                       {{"cascade", "b"}, {"state", "waiting"}}),
            3);
  EXPECT_EQ(values.Count("cascade_efficient_batch_rows"), 0);
  EXPECT_EQ(values.Count("cascade_loaded_info"), 0);
}

TEST(StateMetricsTest, VersionsOfACascadeAreAddedUp) {
  Metrics metrics("build");
  metrics.state().SetStages({{.cascade = "a",
                              .stage = "8x8",
                              .active = 1,
                              .credits = 2,
                              .credit_limit = 64,
                              .backlog = absl::Seconds(1)},
                             {.cascade = "a",
                              .stage = "8x8",
                              .active = 4,
                              .credits = 5,
                              .credit_limit = 64,
                              .backlog = absl::Seconds(2),
                              .efficient_rows = 8}});
  metrics.state().SetCascades({{.cascade = "a",
                                .digest = "old",
                                .serves = false,
                                .load_time = absl::Seconds(9),
                                .memory = {{"8x8", "cpu", 10}}},
                               {.cascade = "a",
                                .digest = "new",
                                .load_time = absl::Seconds(3),
                                .memory = {{"8x8", "cpu", 20}}}});
  const MetricValues values(metrics.Text());
  EXPECT_EQ(values.Sum("cascade_stage_images", {{"state", "active"}}), 5);
  EXPECT_EQ(values.Sum("cascade_stage_credits"), 7);
  EXPECT_EQ(values.Sum("cascade_stage_credit_limit"), 128);
  EXPECT_EQ(values.Sum("cascade_backlog_seconds"), 3);
  EXPECT_EQ(values.Sum("cascade_efficient_batch_rows"), 8);
  EXPECT_EQ(values.Sum("cascade_model_bytes"), 30);
  EXPECT_EQ(values.Count("cascade_loaded_info"), 1);
  EXPECT_EQ(values.Sum("cascade_loaded_info", {{"digest", "new"}}), 1);
  EXPECT_EQ(values.Sum("cascade_load_seconds"), 3);
}

TEST(StateMetricsTest, ALostLaneWorksNoMore) {
  Metrics metrics("build");
  metrics.state().SetLanes(
      {{.lane = 0, .device = "cuda:0", .busy = absl::Seconds(1)},
       {.lane = 1, .device = "cuda:0", .works = false},
       {.lane = 2, .device = "cuda:1", .works = false}});
  const MetricValues values(metrics.Text());
  EXPECT_EQ(values.Sum("cascade_lanes", {{"device", "cuda:0"}}), 1);
  EXPECT_EQ(values.Count("cascade_lanes", {{"device", "cuda:1"}}), 1);
  EXPECT_EQ(values.Sum("cascade_lanes", {{"device", "cuda:1"}}), 0);
  EXPECT_EQ(values.Sum("cascade_lane_busy_seconds_total",
                       {{"lane", "0"}, {"device", "cuda:0"}}),
            1);
}

TEST(ProcessMetricsTest, TellsWhatTheKernelSays) {
  const MetricValues values(Metrics("build").Text());
  EXPECT_GT(values.Sum("process_cpu_seconds_total"), 0);
  EXPECT_GT(values.Sum("process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(values.Sum("process_virtual_memory_bytes"),
            values.Sum("process_resident_memory_bytes"));
  EXPECT_GE(values.Sum("process_threads"), 1);
  EXPECT_GE(values.Sum("process_max_fds"), values.Sum("process_open_fds"));
  EXPECT_NEAR(values.Sum("process_start_time_seconds"),
              absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()), 3600);
}

TEST(ProcessMetricsTest, CountsAnOpenFile) {
  Metrics metrics("build");
  const auto open_files = [&metrics] {
    return MetricValues(metrics.Text()).Sum("process_open_fds");
  };
  const double before = open_files();
  const int file = dup(0);
  EXPECT_THAT(open_files(), DoubleEq(before + 1));
  close(file);
  EXPECT_THAT(open_files(), DoubleEq(before));
}

}  // namespace
}  // namespace cascade
