// A scripted run, and what the metrics say of it: every count exactly, and the
// seconds by a clock that moves when the test says so.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "tests/integration/scripted_server.h"
#include "tests/support/fake_clock.h"
#include "tests/support/metric_values.h"

namespace cascade {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::Gt;
using ::testing::Lt;

using Response = v1::GenerateImageResponse;
using Labels = MetricValues::Labels;

const Labels kBase = {{"cascade", "digits"}, {"stage", "8x8"}};
const Labels kTop = {{"cascade", "digits"}, {"stage", "16x16"}};

Labels With(Labels labels, const std::string& name, const std::string& value) {
  labels[name] = value;
  return labels;
}

// An image's share of a step is rounded to a tick of absl::Duration.
auto Is(double value) { return DoubleNear(value, 1e-7); }

// A call under way, read event by event.
class OpenCall {
 public:
  OpenCall(ScriptedServer& served, const v1::GenerateImageRequest& request)
      : stub_(served.Stub()),
        reader_(stub_->GenerateImage(&context_, request)) {}

  // Blocks until a preview or a stage's image has come.
  void ReadPicture() {
    Response response;
    while (reader_->Read(&response)) {
      if (response.has_preview() || response.has_stage_image()) return;
    }
  }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish() {
    Response response;
    while (reader_->Read(&response)) {
    }
    return reader_->Finish();
  }

 private:
  const std::unique_ptr<v1::ImageGenerationService::Stub> stub_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReader<Response>> reader_;
};

class ServedMetricsTest : public ::testing::Test {
 protected:
  ServedMetricsTest() : served_(MakeOptions(&clock_)) {}

  // Two stages of four steps, and one lane.
  static ScriptedServer::Options MakeOptions(const Clock* clock) {
    ScriptedServer::Options options;
    options.stages = {
        {.resolution = 8, .bytes_per_slot = 10, .weight_bytes = 1000},
        {.resolution = 16, .bytes_per_slot = 40, .weight_bytes = 2000}};
    options.scheduler.num_lanes = 1;
    options.scheduler.tenants.named["acme"] = {.max_images = 8};
    options.clock = clock;
    return options;
  }

  // Of this moment.
  MetricValues Values() {
    served_.scheduler().ReportLoad();
    return MetricValues(served_.metrics().Text());
  }
  // Lets step number `count` of the server pass when it has taken `time`.
  void PassStep(int count, absl::Duration time) {
    served_.script().AwaitSteps(count);
    clock_.Advance(time);
    served_.script().AllowSteps(1);
  }
  MetricValues ValuesAfterTheCalls() {
    EXPECT_TRUE(served_.server().WaitUntilNoStreams(absl::InfiniteFuture()));
    served_.script().AwaitNoSlots();
    return Values();
  }

  FakeClock clock_;
  ScriptedServer served_;
};

// Ended requests.
double Requests(const MetricValues& values, const std::string& outcome,
                const std::string& reason) {
  return values.Sum(
      "cascade_requests_total",
      {{"cascade", "digits"}, {"outcome", outcome}, {"reason", reason}});
}

TEST_F(ServedMetricsTest, ARequestUnderWayIsTold) {
  served_.script().BlockSteps();
  OpenCall running(served_, DigitRequest(1));
  served_.script().AwaitSteps(1);
  OpenCall waiting(served_, DigitRequest(2));
  served_.generator().AwaitSubmits(2);
  clock_.Advance(absl::Seconds(2));
  const MetricValues values = Values();
  EXPECT_EQ(values.Sum("cascade_rpcs_active", {{"method", "GenerateImage"}}),
            2);
  EXPECT_EQ(values.Sum("cascade_queued_images"), 1);
  EXPECT_EQ(values.Sum("cascade_stage_images", With(kBase, "state", "active")),
            1);
  EXPECT_EQ(values.Sum("cascade_stage_images", With(kBase, "state", "waiting")),
            1);
  EXPECT_EQ(values.Sum("cascade_stage_images", kTop), 0);
  // The base has no inbox.
  EXPECT_EQ(values.Sum("cascade_stage_credits", kTop), 1);
  EXPECT_EQ(values.Count("cascade_stage_credits"), 1);
  EXPECT_EQ(values.Sum("cascade_stage_credit_limit"),
            served_.scheduler().Snapshot().stages[1].inbox_limit);
  EXPECT_GT(values.Sum("cascade_backlog_seconds", kBase), 0);
  EXPECT_GT(values.Sum("cascade_backlog_seconds", kTop), 0);
  EXPECT_EQ(values.Sum("cascade_efficient_batch_rows", kBase), 32);
  EXPECT_EQ(values.Sum("cascade_stage_wait_seconds_count", kBase), 1);
  EXPECT_EQ(values.Sum("cascade_step_seconds_count"), 0);
  EXPECT_EQ(values.Sum("cascade_lanes", {{"device", "cpu"}}), 1);
  // It is busy before its step has ended.
  EXPECT_THAT(values.Sum("cascade_lane_busy_seconds_total",
                         {{"lane", "0"}, {"device", "cpu"}}),
              Is(2));

  waiting.Cancel();
  EXPECT_FALSE(served_.generator().AwaitCancel().ok());
  const MetricValues without = Values();
  EXPECT_EQ(without.Sum("cascade_queued_images"), 0);
  EXPECT_EQ(without.Sum("cascade_stage_images", {{"state", "waiting"}}), 0);
  EXPECT_EQ(without.Sum("cascade_ended_images_total",
                        With(kBase, "outcome", "CANCELLED")),
            1);
  EXPECT_EQ(without.Sum("cascade_wasted_device_seconds_total"), 0);
  EXPECT_GT(without.Sum("cascade_saved_device_seconds_total", kBase), 0);
  EXPECT_FALSE(waiting.Finish().ok());
  served_.script().UnblockSteps();
  EXPECT_TRUE(running.Finish().ok());
}

TEST_F(ServedMetricsTest, ARequestThatEndsWellIsTold) {
  served_.script().BlockSteps();
  v1::GenerateImageRequest request = DigitRequest(1);
  request.mutable_output()->set_preview_every_steps(1);
  const absl::Time start = absl::Now();
  OpenCall call(served_, request);
  for (int step = 1; step <= 8; ++step) {
    PassStep(step, absl::Seconds(step <= 4 ? 2 : 1));
    call.ReadPicture();
  }
  EXPECT_TRUE(call.Finish().ok());
  const MetricValues values = ValuesAfterTheCalls();
  const double elapsed = absl::ToDoubleSeconds(absl::Now() - start);

  EXPECT_EQ(Requests(values, "OK", ""), 1);
  EXPECT_EQ(values.Sum("cascade_requests_total"), 1);
  EXPECT_EQ(values.Sum("cascade_images_total", {{"cascade", "digits"}}), 1);
  EXPECT_EQ(values.Sum("cascade_queue_seconds_count"), 1);
  EXPECT_EQ(values.Sum("cascade_queue_seconds_sum"), 0);
  EXPECT_EQ(values.Sum("cascade_request_seconds_count"), 1);
  EXPECT_THAT(values.Sum("cascade_request_seconds_sum"), Is(12));
  EXPECT_EQ(values.Sum("cascade_first_preview_seconds_count"), 1);
  EXPECT_EQ(values.Sum("cascade_stage_image_seconds_count", kBase), 1);
  EXPECT_EQ(values.Sum("cascade_stage_image_seconds_count", kTop), 1);
  // By the machine's clock: nothing but their order is known.
  const double preview = values.Sum("cascade_first_preview_seconds_sum");
  const double base = values.Sum("cascade_stage_image_seconds_sum", kBase);
  const double top = values.Sum("cascade_stage_image_seconds_sum", kTop);
  EXPECT_THAT(preview, AllOf(Gt(0), Lt(base)));
  EXPECT_THAT(top, AllOf(Gt(base), Lt(elapsed)));

  for (const Labels& stage : {kBase, kTop}) {
    EXPECT_EQ(
        values.Sum("cascade_step_seconds_count", With(stage, "batch", "1")), 4);
    EXPECT_EQ(values.Sum("cascade_step_seconds_count", stage), 4);
    EXPECT_THAT(values.Sum("cascade_step_seconds_sum", stage), Is(.004));
    EXPECT_EQ(values.Sum("cascade_step_rows_total", stage), 4);
    EXPECT_EQ(values.Sum("cascade_step_images_total", stage), 4);
    EXPECT_EQ(values.Sum("cascade_stage_wait_seconds_count", stage), 1);
    EXPECT_EQ(values.Sum("cascade_stage_wait_seconds_sum", stage), 0);
    EXPECT_EQ(values.Sum("cascade_stage_seconds_count", stage), 1);
  }
  EXPECT_THAT(values.Sum("cascade_stage_seconds_sum", kBase), Is(8));
  EXPECT_THAT(values.Sum("cascade_stage_seconds_sum", kTop), Is(4));
  EXPECT_EQ(values.Sum("cascade_padded_rows_total"), 0);
  EXPECT_THAT(values.Sum("cascade_tenant_device_seconds_total",
                         {{"tenant", "default"}, {"cascade", "digits"}}),
              Is(.008));
  EXPECT_THAT(values.Sum("cascade_lane_busy_seconds_total"), Is(12));
  EXPECT_EQ(
      values.Sum("cascade_rpcs_total",
                 {{"method", "GenerateImage"}, {"code", "OK"}, {"reason", ""}}),
      1);
  EXPECT_EQ(values.Sum("cascade_rpc_seconds_count"), 1);
  EXPECT_EQ(values.Sum("cascade_rpcs_active"), 0);
  // Nothing is left of it.
  for (const char* name :
       {"cascade_stage_images", "cascade_stage_credits",
        "cascade_queued_images", "cascade_backlog_seconds",
        "cascade_ended_images_total", "cascade_wasted_device_seconds_total",
        "cascade_saved_device_seconds_total", "cascade_parks_total",
        "cascade_previews_dropped_total", "cascade_reader_stalls_total"}) {
    EXPECT_EQ(values.Sum(name), 0) << name;
  }
}

TEST_F(ServedMetricsTest, GuidanceTakesTwoRowsAndBatchesAreFilledUp) {
  v1::GenerateImageRequest request = DigitRequest(1);
  request.set_image_count(3);
  request.add_stages()->mutable_guidance()->set_scale(2);
  ImageClient::CallOptions options;
  options.tenant = "acme";
  const Reply reply = Generate(served_.Client(), request, options);
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  const MetricValues values = ValuesAfterTheCalls();
  // The entry without a stage is of all stages: six rows for three images.
  for (const Labels& stage : {kBase, kTop}) {
    EXPECT_EQ(
        values.Sum("cascade_step_seconds_count", With(stage, "batch", "8")), 4);
    EXPECT_EQ(values.Sum("cascade_step_seconds_count", stage), 4);
    EXPECT_EQ(values.Sum("cascade_step_rows_total", stage), 24);
    EXPECT_EQ(values.Sum("cascade_step_images_total", stage), 12);
    EXPECT_EQ(values.Sum("cascade_padded_rows_total", stage), 8);
    EXPECT_EQ(values.Sum("cascade_stage_image_seconds_count", stage), 3);
    EXPECT_EQ(values.Sum("cascade_stage_seconds_count", stage), 3);
  }
  EXPECT_EQ(values.Sum("cascade_images_total"), 3);
  EXPECT_EQ(Requests(values, "OK", ""), 1);
  EXPECT_THAT(
      values.Sum("cascade_tenant_device_seconds_total", {{"tenant", "acme"}}),
      Is(.008));
  EXPECT_EQ(values.Sum("cascade_tenant_device_seconds_total",
                       {{"tenant", "default"}}),
            0);
}

TEST_F(ServedMetricsTest, ACancelledRequestIsWaste) {
  served_.script().BlockSteps();
  OpenCall call(served_, DigitRequest(1));
  PassStep(1, absl::Seconds(1));
  served_.script().AwaitSteps(2);
  call.Cancel();
  EXPECT_FALSE(served_.generator().AwaitCancel().ok());
  served_.script().UnblockSteps();
  EXPECT_FALSE(call.Finish().ok());
  const MetricValues values = ValuesAfterTheCalls();
  EXPECT_EQ(Requests(values, "CANCELLED", "CANCELLED"), 1);
  EXPECT_EQ(values.Sum("cascade_requests_total"), 1);
  EXPECT_EQ(values.Sum("cascade_images_total"), 0);
  EXPECT_EQ(values.Sum("cascade_request_seconds_count"), 0);
  EXPECT_EQ(values.Sum("cascade_ended_images_total",
                       With(kBase, "outcome", "CANCELLED")),
            1);
  EXPECT_EQ(values.Sum("cascade_ended_images_total"), 1);
  // With the step that was under way.
  EXPECT_THAT(values.Sum("cascade_wasted_device_seconds_total", kBase),
              Is(.002));
  EXPECT_GT(values.Sum("cascade_saved_device_seconds_total", kBase), 0);
  EXPECT_THAT(values.Sum("cascade_tenant_device_seconds_total"), Is(.002));
  EXPECT_EQ(values.Sum("cascade_rpcs_total", {{"code", "CANCELLED"}}), 1);
}

TEST_F(ServedMetricsTest, AFailedRequestIsWaste) {
  served_.script().FailNextStep(1, absl::InternalError("the device coughed"));
  EXPECT_FALSE(Generate(served_.Client(), DigitRequest(1)).status.ok());
  const MetricValues values = ValuesAfterTheCalls();
  EXPECT_EQ(Requests(values, "INTERNAL", "STEP_FAILED"), 1);
  EXPECT_EQ(values.Sum("cascade_images_total"), 0);
  EXPECT_EQ(values.Sum("cascade_ended_images_total",
                       With(kTop, "outcome", "INTERNAL")),
            1);
  EXPECT_EQ(values.Sum("cascade_ended_images_total"), 1);
  EXPECT_THAT(values.Sum("cascade_wasted_device_seconds_total", kBase),
              Is(.004));
  EXPECT_EQ(values.Sum("cascade_step_seconds_count", kTop), 0);
}

TEST_F(ServedMetricsTest, RefusalsAreCountedByReason) {
  v1::GenerateImageRequest request = DigitRequest(1);
  request.set_image_count(9);
  ImageClient::CallOptions options;
  options.tenant = "acme";
  EXPECT_EQ(Generate(served_.Client(), request, options).status.reason,
            "TOO_MANY_IMAGES");
  request.set_cascade("letters");
  EXPECT_EQ(Generate(served_.Client(), request).status.reason,
            "CASCADE_NOT_FOUND");
  const int before = served_.generator().submits();
  served_.scheduler().Drain();
  EXPECT_EQ(Generate(served_.Client(), DigitRequest(1)).status.reason,
            "DRAINING");
  const MetricValues values = ValuesAfterTheCalls();
  EXPECT_EQ(Requests(values, "INVALID_ARGUMENT", "TOO_MANY_IMAGES"), 1);
  // The client library repeats it.
  EXPECT_EQ(Requests(values, "UNAVAILABLE", "DRAINING"),
            served_.generator().submits() - before);
  // A wrong name is the fault of the request.
  EXPECT_EQ(values.Sum("cascade_requests_total", {{"outcome", "NOT_FOUND"}}),
            0);
  EXPECT_EQ(values.Sum("cascade_rpcs_total", {{"code", "NOT_FOUND"}}), 1);
  EXPECT_EQ(values.Sum("cascade_ended_images_total"), 0);
}

TEST_F(ServedMetricsTest, WhatIsLoadedIsToldUntilItIsNot) {
  MetricValues values = Values();
  EXPECT_EQ(
      values.Sum("cascade_loaded_info",
                 {{"cascade", "digits"}, {"digest", std::string(64, 'a')}}),
      1);
  EXPECT_EQ(values.Sum("cascade_model_bytes", With(kBase, "device", "cpu")),
            1000 + 64 * 10);
  EXPECT_EQ(values.Sum("cascade_model_bytes", With(kTop, "device", "cpu")),
            2000 + 64 * 40);
  ASSERT_TRUE(Generate(served_.Client(), DigitRequest(1)).status.ok());

  served_.engine().PutPackage(
      "new", std::make_shared<const ScriptedCascade>(
                 "digits", std::vector<ScriptedStage>{{.resolution = 8}}, 'b'));
  served_.engine().CallInNextRead([&] { clock_.Advance(absl::Seconds(3)); });
  EXPECT_TRUE(served_.engine()
                  .host()
                  .Load({.source = {.name = "digits", .package = "new"},
                         .replace = true})
                  .ok());
  values = Values();
  EXPECT_EQ(values.Count("cascade_loaded_info"), 1);
  EXPECT_EQ(
      values.Sum("cascade_loaded_info", {{"digest", std::string(64, 'b')}}), 1);
  EXPECT_THAT(values.Sum("cascade_load_seconds", {{"cascade", "digits"}}),
              Is(3));
  EXPECT_EQ(values.Count("cascade_stage_images", kTop), 0);
  EXPECT_EQ(values.Count("cascade_efficient_batch_rows"), 1);

  EXPECT_TRUE(served_.engine().host().Unload("digits").ok());
  values = Values();
  for (const char* name :
       {"cascade_loaded_info", "cascade_model_bytes", "cascade_load_seconds",
        "cascade_stage_images", "cascade_stage_credits",
        "cascade_stage_credit_limit", "cascade_backlog_seconds",
        "cascade_efficient_batch_rows"}) {
    EXPECT_EQ(values.Count(name), 0) << name;
  }
  EXPECT_EQ(values.Sum("cascade_images_total"), 1);
  EXPECT_EQ(values.Sum("cascade_step_rows_total", kTop), 4);
}

TEST_F(ServedMetricsTest, ALostLaneWorksNoMore) {
  served_.script().FailNextStep(0, absl::UnavailableError("off the bus"));
  EXPECT_FALSE(Generate(served_.Client(), DigitRequest(1)).status.ok());
  EXPECT_FALSE(served_.engine().AwaitDeviceLoss().ok());
  const MetricValues values = Values();
  EXPECT_EQ(values.Count("cascade_lanes"), 1);
  EXPECT_EQ(values.Sum("cascade_lanes"), 0);
  EXPECT_EQ(values.Sum("cascade_ended_images_total",
                       With(kBase, "outcome", "UNAVAILABLE")),
            1);
}

TEST(ServedMetricsOfSlowReadersTest, TellWhatTheReaderMissed) {
  ScriptedServer::Options options;
  // More than the connection takes before anybody reads.
  options.stages = {{.resolution = 512}};
  ScriptedServer served(options);
  v1::GenerateImageRequest request = DigitRequest(1);
  request.set_image_count(4);
  request.add_stages()->mutable_sampler()->set_steps(20);
  request.mutable_output()->set_format(v1::IMAGE_FORMAT_RAW);
  request.mutable_output()->set_preview_every_steps(1);
  const auto stub = served.Stub();
  grpc::ClientContext context;
  const auto reader = stub->GenerateImage(&context, request);
  Response response;
  ASSERT_TRUE(reader->Read(&response));  // `queued`, and then it sleeps.
  served.Drain();
  int64_t dropped = 0;
  bool has_preview = false;
  while (reader->Read(&response)) {
    has_preview |= response.has_preview();
    if (response.has_finished()) {
      dropped = response.finished().previews_dropped();
    }
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_GT(dropped, 0);
  const MetricValues values(served.metrics().Text());
  EXPECT_EQ(values.Sum("cascade_previews_dropped_total"), dropped);
  EXPECT_EQ(values.Sum("cascade_first_preview_seconds_count"), has_preview);
  EXPECT_EQ(values.Sum("cascade_stage_image_seconds_count"), 4);
}

}  // namespace
}  // namespace cascade
