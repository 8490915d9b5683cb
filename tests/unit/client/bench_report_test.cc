#include "client/bench_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/bench_text.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;

// Replies of a load that began at `kStart` and took ten seconds.
const absl::Time kStart = absl::FromUnixSeconds(3600);

LoadReply Ok(double due, double latency, size_t entry = 0) {
  LoadReply reply;
  reply.entry = entry;
  reply.due = kStart + absl::Seconds(due);
  reply.outcome = LoadOutcome::kOk;
  reply.latency = latency;
  reply.stage_images = {latency / 4, latency / 2};
  reply.images = 1;
  return reply;
}

LoadReply Ended(LoadOutcome outcome, double due, double latency,
                const std::string& reason) {
  LoadReply reply = Ok(due, latency);
  reply.outcome = outcome;
  reply.images = 0;
  reply.status.code = grpc::StatusCode::RESOURCE_EXHAUSTED;
  reply.status.reason = reason;
  return reply;
}

BenchRun RunOf(std::vector<LoadReply> replies) {
  BenchRun run;
  run.clients = 2;
  run.entries = {"all"};
  run.stages = {"8x8", "16x16", "32x32"};
  run.start = kStart;
  run.duration = absl::Seconds(10);
  run.replies = std::move(replies);
  return run;
}

TEST(BenchReportTest, TellsThroughputAndLatencies) {
  std::vector<LoadReply> replies;
  for (int i = 1; i <= 100; ++i) replies.push_back(Ok(0, 0.04 * i));
  replies[0].first_preview = 0.25;
  const auto report = BenchReport(RunOf(replies));
  EXPECT_EQ(report["loop"], "closed");
  EXPECT_EQ(report["requests"], 100);
  EXPECT_EQ(report["requests_ok"], 100);
  EXPECT_DOUBLE_EQ(report["images_per_second"], 10);
  EXPECT_DOUBLE_EQ(report["latency_seconds"]["p50"], 2);
  EXPECT_DOUBLE_EQ(report["latency_seconds"]["p90"], 3.6);
  EXPECT_DOUBLE_EQ(report["latency_seconds"]["p99"], 3.96);
  EXPECT_DOUBLE_EQ(report["latency_seconds"]["max"], 4);
  EXPECT_NEAR(report["latency_seconds"]["mean"].get<double>(), 2.02, 1e-9);
  EXPECT_DOUBLE_EQ(report["first_image_seconds"]["p50"], 0.5);
  EXPECT_DOUBLE_EQ(report["first_preview_seconds"]["p50"], 0.25);
  EXPECT_DOUBLE_EQ(report["stage_image_seconds"]["16x16"]["p50"], 1);
  EXPECT_FALSE(report["stage_image_seconds"].contains("32x32"));
  EXPECT_FALSE(report.contains("mix"));
  EXPECT_FALSE(report.contains("goodput"));
}

TEST(BenchReportTest, CountsWhatDidNotSucceedAndKeepsItOutOfLatencies) {
  LoadReply failed = Ended(LoadOutcome::kFailed, 0, 9, "");
  failed.status.code = grpc::StatusCode::INTERNAL;
  failed.problems = {"no `queued`"};
  const auto report = BenchReport(RunOf(
      {Ok(0, 1), failed, Ended(LoadOutcome::kRefused, 0, 0.001, "QUEUE_FULL"),
       Ended(LoadOutcome::kRefused, 0, 0.003, "QUEUE_FULL"),
       Ended(LoadOutcome::kRefused, 0, 0.004, "DEADLINE_AT_RISK"),
       Ended(LoadOutcome::kDeadlineMissed, 0, 9, "DEADLINE_EXCEEDED"),
       Ended(LoadOutcome::kCancelled, 0, 9, ""),
       Ended(LoadOutcome::kNotSent, 0, 0, "")}));
  EXPECT_EQ(report["requests"], 7);
  EXPECT_EQ(report["requests_ok"], 1);
  EXPECT_EQ(report["refused"], 3);
  EXPECT_EQ(report["refusals"]["QUEUE_FULL"]["count"], 2);
  EXPECT_DOUBLE_EQ(report["refusals"]["QUEUE_FULL"]["latency_seconds"]["mean"],
                   0.002);
  EXPECT_EQ(report["refusals"]["DEADLINE_AT_RISK"]["count"], 1);
  EXPECT_EQ(report["deadline_missed"], 1);
  EXPECT_EQ(report["cancelled"], 1);
  EXPECT_EQ(report["failed"], 1);
  EXPECT_EQ(report["not_sent"], 1);
  EXPECT_EQ(report["errors"]["INTERNAL"], 1);
  EXPECT_EQ(report["problems"]["no `queued`"], 1);
  EXPECT_DOUBLE_EQ(report["latency_seconds"]["max"], 1);
}

TEST(BenchReportTest, GoodputCountsWhatMeetsTheGoal) {
  BenchRun run = RunOf({Ok(0, 1), Ok(0, 2), Ok(0, 2.001),
                        Ended(LoadOutcome::kRefused, 0, 0.1, "QUEUE_FULL")});
  run.goal = absl::Seconds(2);
  const auto report = BenchReport(run);
  EXPECT_EQ(report["goodput"]["requests"], 2);
  EXPECT_DOUBLE_EQ(report["goodput"]["requests_per_second"], 0.2);
}

TEST(BenchReportTest, SlowReadersAreToldApart) {
  LoadReply slow = Ok(0, 9);
  slow.reads_slowly = true;
  const auto report = BenchReport(RunOf({Ok(0, 1), slow}));
  EXPECT_EQ(report["images"], 2);
  EXPECT_DOUBLE_EQ(report["latency_seconds"]["max"], 1);
  EXPECT_EQ(report["slow_readers"]["requests"], 1);
  EXPECT_DOUBLE_EQ(report["slow_readers"]["latency_seconds"]["max"], 9);
}

TEST(BenchReportTest, TellsEachEntryOfAMix) {
  BenchRun run = RunOf({Ok(0, 1, 0), Ok(0, 2, 0), Ok(0, 8, 1)});
  run.clients = 0;
  run.rate = 3;
  run.arrivals = "poisson";
  run.entries = {"short", "long"};
  const auto report = BenchReport(run);
  EXPECT_EQ(report["loop"], "open");
  EXPECT_EQ(report["rate"], 3);
  EXPECT_EQ(report["mix"]["short"]["requests_ok"], 2);
  EXPECT_DOUBLE_EQ(report["mix"]["short"]["latency_seconds"]["max"], 2);
  EXPECT_EQ(report["mix"]["long"]["requests_ok"], 1);
  EXPECT_DOUBLE_EQ(report["mix"]["long"]["latency_seconds"]["max"], 8);
}

TEST(BenchReportTest, TheSeriesCountsEndsBySecond) {
  const auto series =
      BenchReport(RunOf({Ok(0, 0.5), Ok(0.5, 2), Ok(2.9, 0.05),
                         Ended(LoadOutcome::kRefused, 4.5, 0.1, "QUEUE_FULL"),
                         Ended(LoadOutcome::kNotSent, 1.5, 0, "")}))["series"];
  ASSERT_EQ(series.size(), 5u);
  EXPECT_EQ(series[0]["sent"], 2);
  EXPECT_EQ(series[0]["ok"], 1);
  EXPECT_EQ(series[1]["not_sent"], 1);
  EXPECT_EQ(series[1]["sent"], 0);
  EXPECT_EQ(series[2]["images"], 2);
  EXPECT_EQ(series[3]["ok"], 0);
  EXPECT_EQ(series[4]["refused"], 1);
}

TEST(BenchReportTest, NothingIsAReportToo) {
  const auto report = BenchReport(RunOf({}));
  EXPECT_EQ(report["requests"], 0);
  EXPECT_EQ(report["latency_seconds"]["p99"], 0);
  EXPECT_TRUE(report["series"].empty());
}

TEST(BenchTextTest, SaysWhatWentWrong) {
  LoadReply failed = Ended(LoadOutcome::kFailed, 0, 9, "STEP_FAILED");
  const std::string text = BenchText(BenchReport(
      RunOf({Ok(0, 1), failed,
             Ended(LoadOutcome::kRefused, 0, 0.001, "QUEUE_FULL")})));
  EXPECT_THAT(text, HasSubstr("2 clients"));
  EXPECT_THAT(text, HasSubstr("3 requests: 1 ok, 1 failed, 1 refused "
                              "(QUEUE_FULL)"));
  EXPECT_THAT(text, HasSubstr("errors: STEP_FAILED x 1"));
  EXPECT_THAT(text, HasSubstr("first 16x16"));
}

}  // namespace
}  // namespace cascade
