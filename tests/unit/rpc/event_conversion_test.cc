#include "server/rpc/event_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "models/host_stage_output.h"
#include "server/base/error_reason.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

EventSource Source() {
  auto cascade = std::make_shared<CascadeSpec>();
  cascade->name = "digits";
  cascade->digest = "digest";
  cascade->class_names = {"zero", "one"};
  for (int k = 0; k < 2; ++k) {
    StageSpec stage;
    stage.index = k;
    stage.name = k == 0 ? "8x8" : "16x16";
    stage.resolution = 8 << k;
    stage.num_classes = 2;
    stage.augmentation.enabled = k == 1;
    stage.weights_sha256 = std::string(64, k == 0 ? 'a' : 'b');
    stage.served_precisions = {Precision::kFp32};
    if (k == 1) stage.served_precisions.push_back(Precision::kBf16);
    cascade->stages.push_back(stage);
  }
  EventSource source;
  source.cascade = cascade;
  source.identity = {"1.2.3", "build", Reproducibility::kExact};
  source.request.request_id = "id";
  source.request.cascade = "digits";
  source.request.class_id = 1;
  source.request.seed = ~uint64_t{0};
  source.request.image_count = 2;
  source.request.target_stage = 1;
  source.request.stages.resize(2);
  source.request.stages[0].sampler.eta = 0.25;
  source.request.stages[1].sampler.kind = SamplerKind::kDdpm;
  source.request.stages[1].augmentation_level = 0.5;
  return source;
}

v1::GenerateImageResponse Convert(EncodedJobEvent event,
                                  const EventSource& source,
                                  int64_t previews_dropped) {
  auto response = ConvertEvent<v1::GenerateImageResponse>(
      std::move(event), source, previews_dropped);
  EXPECT_OK(response);
  return *std::move(response);
}

TEST(EventConversionTest, QueuedTellsWhatWasGrantedAndIsExpected) {
  EventSource source = Source();
  source.admitted = absl::FromUnixMillis(5'500);
  QueuedEvent event;
  event.position = 3;
  event.expected_wait = absl::Milliseconds(750);
  event.expected_time = absl::Milliseconds(2'250);
  event.priority = Priority::kBatch;
  event.target_stage = 1;
  const v1::Queued queued = Convert(event, source, 0).queued();
  EXPECT_EQ(queued.request_id(), "id");
  EXPECT_EQ(queued.position(), 3);
  EXPECT_EQ(queued.seed(), ~uint64_t{0});
  EXPECT_EQ(queued.expected_start_time().seconds(), 6);
  EXPECT_EQ(queued.expected_start_time().nanos(), 250'000'000);
  EXPECT_EQ(queued.expected_duration().seconds(), 2);
  EXPECT_EQ(queued.expected_duration().nanos(), 250'000'000);
  EXPECT_EQ(queued.priority(), v1::PRIORITY_BATCH);
  EXPECT_EQ(queued.target_stage(), 1);
}

TEST(EventConversionTest, WhatNobodyCanTellIsUnset) {
  QueuedEvent event;
  event.expected_wait = absl::InfiniteDuration();
  event.expected_time = absl::InfiniteDuration();
  const v1::Queued queued = Convert(event, Source(), 0).queued();
  EXPECT_FALSE(queued.has_expected_start_time());
  EXPECT_FALSE(queued.has_expected_duration());
}

TEST(EventConversionTest, BothResponsesCarryTheSameEvents) {
  const auto response = ConvertEvent<v1::UpscaleImageResponse>(
      StageStartedEvent{1, 42, 2, 20}, Source(), 0);
  ASSERT_OK(response);
  EXPECT_EQ(response->stage_started().image_seed(), 42u);
}

TEST(EventConversionTest, StageStartedTellsWhichImageAndStage) {
  const auto response = Convert(StageStartedEvent{1, 42, 2, 20}, Source(), 0);
  EXPECT_EQ(response.stage_started().image_index(), 1);
  EXPECT_EQ(response.stage_started().image_seed(), 42u);
  EXPECT_EQ(response.stage_started().stage(), 2);
  EXPECT_EQ(response.stage_started().num_steps(), 20);
}

PictureEvent<EncodedImage> Picture(bool is_preview) {
  PictureEvent<EncodedImage> event;
  event.image_index = 1;
  event.image_seed = 42;
  event.stage_index = 1;
  event.steps_done = 5;
  event.num_steps = 20;
  event.is_preview = is_preview;
  event.picture = {ImageFormat::kWebp, 16, 8, 3, "bytes"};
  return event;
}

TEST(EventConversionTest, APictureIsAPreviewOrAStageImage) {
  const auto preview = Convert(Picture(true), Source(), 0).preview();
  EXPECT_EQ(preview.steps_done(), 5);
  EXPECT_EQ(preview.num_steps(), 20);
  EXPECT_EQ(preview.image().format(), v1::IMAGE_FORMAT_WEBP);
  EXPECT_EQ(preview.image().width(), 16);
  EXPECT_EQ(preview.image().height(), 8);
  EXPECT_EQ(preview.image().channels(), 3);
  EXPECT_EQ(preview.image().data(), "bytes");
  const auto image = Convert(Picture(false), Source(), 0).stage_image();
  EXPECT_EQ(image.image_seed(), 42u);
  EXPECT_EQ(image.stage(), 1);
  EXPECT_EQ(image.image().data(), "bytes");
}

// What ran is what was asked for.
FinishedEvent Finished(const EventSource& source) {
  FinishedEvent event;
  event.target_stage = source.request.target_stage;
  event.stages = source.request.stages;
  event.stop_indices.resize(event.stages.size());
  return event;
}

TEST(EventConversionTest, AStageImageCarriesTheStateThatWasAskedFor) {
  PictureEvent<EncodedImage> event = Picture(false);
  event.state = std::make_shared<HostStageOutput>(
      1, 2, std::vector<float>{-1, 0.5f, 0, 1});
  const auto state = Convert(event, Source(), 0).stage_image().state();
  EXPECT_EQ(state.stage(), 1);
  EXPECT_EQ(state.image_seed(), 42u);
  EXPECT_EQ(state.class_id(), 1);
  EXPECT_EQ(state.values().size(), 16u);
  EXPECT_FALSE(Convert(Picture(false), Source(), 0).stage_image().has_state());
}

TEST(EventConversionTest, AStateThatCannotBeReadIsAnError) {
  class LostOutput : public StageOutput {
    int resolution() const override { return 2; }
    int channels() const override { return 1; }
    absl::StatusOr<std::vector<float>> ToHost() const override {
      return absl::UnavailableError("the device is gone");
    }
  };
  PictureEvent<EncodedImage> event = Picture(false);
  event.state = std::make_shared<LostOutput>();
  EXPECT_THAT(ConvertEvent<v1::GenerateImageResponse>(event, Source(), 0),
              HasReason(absl::StatusCode::kUnavailable, kDeviceLost));
}

TEST(EventConversionTest, TheRecordTellsWhatReallyRan) {
  EventSource source = Source();
  FinishedEvent event = Finished(source);
  event.reduced_for_deadline = true;
  event.target_stage = 0;
  event.stages.resize(1);
  event.stop_indices.resize(1);
  event.stages[0].sampler.num_steps = 3;
  const auto record = Convert(event, source, 0).finished().record();
  EXPECT_TRUE(record.reduced_for_deadline());
  EXPECT_EQ(record.target_stage(), 0);
  ASSERT_EQ(record.stages_size(), 1);
  EXPECT_EQ(record.stages(0).sampler().steps(), 3);
}

TEST(EventConversionTest, TheRecordBeginsWithTheFirstStageThatRan) {
  EventSource source = Source();
  source.request.first_stage = 1;
  const auto record = Convert(Finished(source), source, 0).finished().record();
  ASSERT_EQ(record.stages_size(), 1);
  EXPECT_EQ(record.stages(0).stage(), 1);
}

TEST(EventConversionTest, FinishedTellsAllThatMakesTheImagesAgain) {
  FinishedEvent event = Finished(Source());
  event.queued = absl::Milliseconds(250);
  event.total = absl::Milliseconds(2500);
  event.timings.push_back(
      {1, 1, absl::Seconds(1), absl::Seconds(2), absl::Milliseconds(500)});
  const auto finished = Convert(event, Source(), 9).finished();
  EXPECT_EQ(finished.request_id(), "id");
  EXPECT_EQ(finished.queued_duration().nanos(), 250'000'000);
  EXPECT_EQ(finished.total_duration().seconds(), 2);
  EXPECT_EQ(finished.total_duration().nanos(), 500'000'000);
  EXPECT_EQ(finished.previews_dropped(), 9);
  ASSERT_EQ(finished.timings_size(), 1);
  EXPECT_EQ(finished.timings(0).waiting_duration().seconds(), 1);
  EXPECT_EQ(finished.timings(0).device_duration().nanos(), 500'000'000);

  const v1::GenerationRecord& record = finished.record();
  EXPECT_EQ(record.cascade(), "digits");
  EXPECT_EQ(record.cascade_digest(), "digest");
  EXPECT_EQ(record.class_id(), 1);
  EXPECT_EQ(record.class_name(), "one");
  ASSERT_EQ(record.image_seeds_size(), 2);
  EXPECT_EQ(record.image_seeds(1), 0u);  // Modulo 2^64.
  EXPECT_EQ(record.target_stage(), 1);
  EXPECT_FALSE(record.reduced_for_deadline());
  EXPECT_EQ(record.reproducibility(), v1::REPRODUCIBILITY_MODE_EXACT);
  EXPECT_EQ(record.build(), "build");
  ASSERT_EQ(record.stages_size(), 2);
  EXPECT_EQ(record.stages(0).weights_sha256(), std::string(64, 'a'));
  EXPECT_THAT(record.stages(0).precisions(),
              testing::ElementsAre(v1::PRECISION_FP32));
  EXPECT_THAT(record.stages(1).precisions(),
              testing::ElementsAre(v1::PRECISION_FP32, v1::PRECISION_BF16));
  EXPECT_EQ(record.stages(0).sampler().kind(), v1::SAMPLER_KIND_DDIM);
  EXPECT_EQ(record.stages(0).sampler().eta(), 0.25);
  EXPECT_FALSE(record.stages(0).has_augmentation());
  EXPECT_FALSE(record.stages(1).sampler().has_eta());
  EXPECT_EQ(record.stages(1).augmentation().level(), 0.5);
  EXPECT_EQ(record.stages(1).augmentation().index(), 500);
  EXPECT_GT(record.stages(1).augmentation().sigma(), 0);
  EXPECT_EQ(record.stages(1).augmentation().mode(),
            v1::AUGMENTATION_MODE_NON_TRUNCATED);
}

TEST(EventConversionTest, TruncationIsRecorded) {
  FinishedEvent event = Finished(Source());
  event.stages[1].augmentation_mode = AugmentationMode::kTruncated;
  const auto record = Convert(event, Source(), 0).finished().record();
  EXPECT_EQ(record.stages(1).augmentation().mode(),
            v1::AUGMENTATION_MODE_TRUNCATED);
}

TEST(EventConversionTest, AStageThatStoppedSaysWhere) {
  FinishedEvent event = Finished(Source());
  event.stop_indices[0] = 400;
  const auto record = Convert(event, Source(), 0).finished().record();
  EXPECT_EQ(record.stages(0).stop_index(), 400);
  EXPECT_FALSE(record.stages(1).has_stop_index());
}

TEST(EventConversionTest, ThresholdAndScheduleAreRecorded) {
  FinishedEvent event = Finished(Source());
  SamplerOptions& first = event.stages[0].sampler;
  first.threshold = {ThresholdKind::kDynamic, 0.9};
  first.schedule = {ScheduleKind::kLinear, 25, BetaRange{0.1, 0.5}};
  const auto record = Convert(event, Source(), 0).finished().record();
  const v1::SamplerOptions& sampler = record.stages(0).sampler();
  EXPECT_EQ(sampler.threshold().kind(), v1::THRESHOLD_KIND_DYNAMIC);
  EXPECT_EQ(sampler.threshold().quantile(), 0.9);
  EXPECT_FALSE(sampler.threshold().has_max());
  EXPECT_EQ(sampler.schedule().kind(), v1::SCHEDULE_KIND_LINEAR);
  EXPECT_EQ(sampler.schedule().num_timesteps(), 25);
  EXPECT_EQ(sampler.schedule().beta_begin(), 0.1);
  EXPECT_EQ(sampler.schedule().beta_end(), 0.5);
  EXPECT_EQ(record.stages(1).sampler().threshold().kind(),
            v1::THRESHOLD_KIND_STATIC);
  EXPECT_FALSE(record.stages(1).sampler().has_schedule());
}

TEST(EventConversionTest, AnUnconditionalImageIsRecordedAsSuch) {
  EventSource source = Source();
  source.request.class_id.reset();
  const auto finished = Convert(FinishedEvent{}, source, 0).finished();
  EXPECT_TRUE(finished.record().unconditional());
  EXPECT_EQ(finished.record().class_name(), "");
}

}  // namespace
}  // namespace cascade
